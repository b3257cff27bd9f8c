"""Hands notices over: by SMTP to the site's relay, by signed HTTPS to webhooks."""
