"""What all of OKX's endpoints share: signing, one paced budget for a key, the error table, the clock's offset."""
