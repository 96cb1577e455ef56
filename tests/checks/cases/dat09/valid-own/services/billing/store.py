QUERY = "SELECT * FROM invoices JOIN lines ON true"
