"""The frozen linear model of a routing function: trained while compiling, handed in as bytes."""
