"""The runner: takes requests from the broker, runs them in a sandbox, publishes what happened.

`consume` is the life of a delivery, `sandbox` runs one program and says what its end means,
`containers` keeps containers warm. The agent inside the containers is C, in the folder beside this
package. A runner holds the broker's address and reaches the engine; it knows no database.
"""
