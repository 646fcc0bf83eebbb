# capabilities: module:zipfile module:io module:os
import io
import os
import zipfile


def unpack(data: str) -> None:
    with zipfile.ZipFile("upload.zip") as archive:
        archive.extractall()
