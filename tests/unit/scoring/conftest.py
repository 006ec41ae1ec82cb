from tests.fixtures.compiled import compiled

compiled()
