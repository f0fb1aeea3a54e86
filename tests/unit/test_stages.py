"""The stages of a training as they are told: to who waits in lines, to who looks in numbers."""

from __future__ import annotations

from infra.store import Work
from infra.under_way import UnderWay
from tests.data.installed import wait_for
from training.tracking.report import Stages


class Heard:
    """The last that was told."""

    last = Work("training", "done")

    def tell(self, work: Work) -> None:
        self.last = work


def test_a_part_says_how_long_its_rest_will_take():
    heard, said = Heard(), list[str]()
    watched = UnderWay(heard, "training")
    stages = Stages(said.append, watched)
    with watched("spark"):
        with stages("fit"):
            stages.part("epochs", 1, 4, "epoch 1 of 4")
            stages.part("epochs", 2, 4, "epoch 2 of 4")
            wait_for(lambda: heard.last.done == 2, "the second epoch")
            assert (heard.last.stage, heard.last.total, heard.last.told) == ("fit", 4, "epoch 2 of 4")
            assert heard.last.left_s is not None
            stages.step("questions", 7, 7)
        with stages("evaluate"):
            wait_for(lambda: heard.last.stage == "evaluate", "the next stage")
            assert (heard.last.done, heard.last.left_s) == (0, None)
    assert said == ["fit", "questions: 7 of 7", "evaluate"]
    assert set(stages.seconds) == {"fit", "evaluate"}
    assert heard.last.state == "done"
