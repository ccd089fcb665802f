"""What this build is: asked once, by Python. Nothing of it is needed without the GIL."""
