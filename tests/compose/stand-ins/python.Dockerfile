# Stands in for python:3.11-slim-bookworm.
FROM localhost/parlour-test/base
