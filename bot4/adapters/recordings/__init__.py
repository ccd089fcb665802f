"""Recorded market data: captures of raw frames and CSV dumps, opened, recognised and streamed in bounded memory."""
