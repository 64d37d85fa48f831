"""The actions of `minibert golden`: each module adds its arguments and runs them."""
