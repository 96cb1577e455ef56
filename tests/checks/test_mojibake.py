"""Spoilt text is told from good text, in every pair of encodings that people meet; it is made here, not written."""

from __future__ import annotations

import pytest

from checks.mojibake import spoilt

CHINESE = "登录成功注册失败用户不存在验证码错误权限不足服务暂时不可用请稍后重试"
CHINESE += "会话已过期多因素认证审计日志通知钱包积分账单合规存储网关身份"


def meant(line: str) -> str:
    """Return all that is found spoilt in a line, as it was meant."""
    return "".join(one.meant for one in spoilt(line))


@pytest.mark.parametrize("read_as", ["gbk", "cp932", "latin-1", "cp1252"])
@pytest.mark.parametrize("text", ["用户", "注册失败", "数据库连接", "日本語の文字", "ユーザー"])
def test_east_asian_text_is_found_however_it_was_read(text: str, read_as: str) -> None:
    line = f'NAME = "{text.encode().decode(read_as, "replace")}"  # a comment'.replace("\ufffd", "?")
    found = meant(line)
    assert found
    assert found[0] in text


def test_what_euc_kr_leaves_whole_is_found() -> None:
    assert meant("注册失败".encode().decode("cp949")) == "注册失败"


@pytest.mark.parametrize("read_as", ["latin-1", "cp1252"])
@pytest.mark.parametrize(
    "text",
    ["ü", "é", "à", "ß", "°", "€", "–", "’", "…", "Привет", "Ελλάδα", "→", "用", "ñ", "naïve", "🙂"],  # noqa: RUF001
)
def test_european_text_is_found_in_a_word(text: str, read_as: str) -> None:
    line = f"a {text.encode().decode(read_as, 'ignore')} b"
    assert meant(line) == "".join(each for each in text if not each.isascii())


def test_a_letter_in_a_word_that_was_read_as_gbk() -> None:
    for word in ("Müller", "straße", "résumés", "naïve"):
        assert meant(word.encode().decode("gbk")) == "".join(each for each in word if not each.isascii())[:2]


@pytest.mark.parametrize("text", ["用户", "中国", "登录失败", "密码错误"])
def test_gbk_that_was_read_as_latin(text: str) -> None:
    assert meant(f"# {text.encode('gbk').decode('latin-1')}") == text


def test_no_part_of_real_chinese_text_is_taken_for_spoilt_and_each_spoilt_part_is() -> None:
    words = {CHINESE[start : start + size] for size in range(1, 9) for start in range(len(CHINESE) - size + 1)}
    assert not [word for word in words if meant(word)]
    assert not meant(CHINESE)
    read = {word: as_gbk(word) for word in words}
    whole = {word: line for word, line in read.items() if line}
    assert len(whole) > 60
    assert {word: meant(line) for word, line in whole.items()} == {word: word for word in whole}


def as_gbk(word: str) -> str:
    """Return what a word's bytes are in GBK; empty where some of them are nothing."""
    try:
        return word.encode().decode("gbk")
    except UnicodeDecodeError:
        return ""


@pytest.mark.parametrize(
    "good",
    [
        "„Ä“ und „Ö“, »Ä« “É” «CAFÉ» MAÇÃ», «\u00a0mot occasionné\u00a0»",
        "Å² Å³ 5 Å, 100 µÄ, n° 5 ½, 10 °C, x × y ÷ z ± ¼",  # noqa: RUF001
        "café…” café——x, là… déjà vu — là, § 5 „Größe“",
        "ÄÖÜäöüß àáâãäå éèêë ÀÁÂÃÄÅÆÇÈÉ °±²³´µ¶· ÅÄÖ åäö",  # noqa: RUF001
        "NÃO É, AÇÃO: “SÃO”; Þetta er íslenska það; Tiếng Việt đẹp; İstanbul ığdır",  # noqa: RUF001
        "Рёв Ёлка приём РЁВ; ¿Qué? ¡Sí! Ñandú º ª",
        "これは日本語です。こんにちは世界 ﾃｽﾄ ｶﾀｶﾅ 讀取至 %s 位",
        "用戶名稱錯誤 繁體中文 鐵路 電話 銀行 鈥 钬 如果user没login",
        "한국어 텍스트",
    ],
)
def test_good_text_is_let_through(good: str) -> None:
    assert [(one.meant, good[one.start : one.end]) for one in spoilt(good)] == []


def test_what_is_lost_is_not_written_back() -> None:
    line = "用户名".encode().decode("gbk", "replace").replace("\ufffd", "?")
    assert [(one.meant, one.whole) for one in spoilt(line)] == [("用户", False)]
    assert [one.whole for one in spoilt("用户".encode().decode("gbk"))] == [True]
