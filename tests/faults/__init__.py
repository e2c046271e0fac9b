"""Kill and break a whole service under load, and compare what people were told with what is there afterwards."""
