"""What a build folder tells its reader."""
