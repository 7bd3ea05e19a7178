"""How the portal's database came to be, step by step."""
