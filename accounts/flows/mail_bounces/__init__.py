"""Take in what other mail servers report of emails: bounces and complaints."""
