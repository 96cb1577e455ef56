class Menu:
    def text(self, words: str) -> str:
        return words

    def execute(self, words: str) -> str:
        return words
