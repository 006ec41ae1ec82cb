"""Pages of scoring's offline verbs."""

from libs.runtime.offline.page import renderer

render = renderer("services.scoring.offline")
