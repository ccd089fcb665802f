# A kernel without Python names: see the .pxd.
