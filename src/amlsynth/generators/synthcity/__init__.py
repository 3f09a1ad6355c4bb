"""The generators `synthcity:<plugin>`: `plugins` knows what synthcity offers, `generator` feeds it."""
