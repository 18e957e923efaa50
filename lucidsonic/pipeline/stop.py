"""How a person stops a render: once to finish the part in flight, twice to stop at once."""

from dataclasses import dataclass

from lucidsonic.errors import InterruptedRenderError

GO_ON = "The same command goes on from there."


@dataclass(slots=True)
class Stop:
    """Whether somebody wants the work to end.

    Attributes:
        asked: somebody does.
        patient: a part is in flight that is worth finishing.
    """

    asked: bool = False
    patient: bool = False

    def ask(self) -> None:
        """Ask for the end; raises at once when asked again, or when nothing is in flight.

        Raises:
            InterruptedRenderError: see above.
        """
        if self.asked or not self.patient:
            raise InterruptedRenderError("Stopped.", hint=GO_ON)
        self.asked = True

    def check(self, done: int, total: int) -> None:
        """Stop here if somebody asked.

        Raises:
            InterruptedRenderError: somebody did.
        """
        if self.asked:
            share = 100 * done // max(total, 1)
            raise InterruptedRenderError(
                f"Stopped at {share} %: {done} of {total} frames are finished.", hint=GO_ON
            )
