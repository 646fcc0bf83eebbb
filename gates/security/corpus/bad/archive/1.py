# capabilities: module:tarfile
import tarfile


def unpack(data: str) -> None:
    with tarfile.open("upload.tar") as archive:
        archive.extractall("out")
