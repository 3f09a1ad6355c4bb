"""What two or more families of generators share."""
