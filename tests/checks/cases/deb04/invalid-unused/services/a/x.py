def one() -> int:  # expect: DEB04
    return 1


class Two:  # expect: DEB04
    def three(self) -> None: ...  # expect: DEB04

    @property
    def four(self) -> int:
        return 4
