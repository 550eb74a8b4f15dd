"""What is learned: networks, weights, and the zoo that names them."""
