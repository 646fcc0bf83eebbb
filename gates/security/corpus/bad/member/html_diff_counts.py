from difflib import HtmlDiff


def calls(data: str) -> int:
    table = HtmlDiff().make_table([data], ["b"])
    return int(table.split("difflib_chg_to")[1].split("__")[0])
