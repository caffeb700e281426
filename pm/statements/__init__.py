"""What venues say of their accounts: files read exactly, symbols matched to instruments."""
