"""R3GAN: a relativistic GAN with two penalties and nothing else that needs luck."""
