"""What the device's loop is told of each problem."""
