"""Read files of records as spreadsheets and other systems write them: tables and JSON, in any of their encodings."""
