"""The async client, written by hand. The blocking one is made from it: run `make client` after a change here."""
