"""The identity provider: OpenID Connect's discovery, authorization code with PKCE, and proof."""
