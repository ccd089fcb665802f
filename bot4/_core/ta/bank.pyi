# Nothing to import from Python: the functions are for cimport.
