"""Question 7, e-mail: what DNS and mail servers say of a mail domain, judged. Pure."""
