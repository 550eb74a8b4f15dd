import os
import struct
import threading
import zlib

import cv2
import numpy as np
import pytest

from lift3d.pipelines.image_header import ImageHeader, read_header
from lift3d.pipelines.images import read_image
from lift3d.poses.errors import BadInput, DecodeError

TRUNCATED = "the image is truncated: its data end before the image does; copy or download it again"
H, W = 24, 40
LOSSLESS = (cv2.IMWRITE_TIFF_COMPRESSION, 1)  # OpenCV 4 else writes floats in LogLuv


def photo() -> np.ndarray:
    """Return RGB (24, 40, 3) whose four corners differ: red, green, blue and white blocks."""
    image = np.full((H, W, 3), 90, np.uint8)
    image[:8, :8], image[:8, -8:] = (250, 0, 0), (0, 250, 0)
    image[-8:, :8], image[-8:, -8:] = (0, 0, 250), (250, 250, 250)
    return image


def encoded(suffix: str, rgb: np.ndarray, *params: int) -> bytes:
    """Encode an RGB(A) or grey array of any type."""
    bgr = rgb if rgb.ndim == 2 else np.dstack([rgb[..., 2::-1], rgb[..., 3:]])
    return cv2.imencode(suffix, bgr, list(params))[1].tobytes()


def exif(orientation: int) -> bytes:
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_file(ihdr: bytes, rows: bytes, *extra: bytes) -> bytes:
    idat = png_chunk(b"IDAT", zlib.compress(rows, 9))
    end = png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", ihdr) + b"".join(extra) + idat + end


def with_exif(suffix: str, data: bytes, orientation: int) -> bytes:
    """Put an EXIF block with this orientation into a JPEG, PNG or WebP file."""
    block = exif(orientation)
    if suffix == ".jpg":
        body = b"Exif\0\0" + block
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
    if suffix == ".png":
        return data[:33] + png_chunk(b"eXIf", block) + data[33:]
    vp8x = struct.pack("<4sIB3x", b"VP8X", 10, 8)
    vp8x += (W - 1).to_bytes(3, "little") + (H - 1).to_bytes(3, "little")
    body = b"WEBP" + vp8x + data[12:] + struct.pack("<4sI", b"EXIF", len(block)) + block
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def tiff_file(rgb: np.ndarray, orientation: int = 1, alpha: int = 0, planes: int = 1) -> bytes:
    """Return a TIFF of one strip whose directory stands in front of the pixels."""
    height, width, C = rgb.shape
    bits_at = 8 + 2 + 12 * 12 + 4
    entries = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, C, bits_at),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, bits_at + 2 * C),
        (274, 3, 1, orientation),
        (277, 3, 1, C),
        (278, 3, 1, height),
        (279, 4, 1, rgb.nbytes),
        (284, 3, 1, planes),
        (338, 3, 1, alpha) if C == 4 else (339, 3, 1, 1),
    ]
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    bits = struct.pack(f"<{C}H", *[8 * rgb.itemsize] * C)
    return b"II*\0" + struct.pack("<IH", 8, 12) + directory + bytes(4) + bits + rgb.tobytes()


@pytest.fixture
def save(tmp_path):
    def write(data: bytes, name: str = "photo.jpg"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def message_of(path, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        read_image(path)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff"])
def test_lossless_formats_come_back_as_the_same_rgb(save, suffix):
    read = read_image(save(encoded(suffix, photo()), "photo" + suffix))
    assert read.dtype == np.uint8
    assert read.flags.c_contiguous
    np.testing.assert_array_equal(read, photo())


def test_lossless_webp_comes_back_as_the_same_rgb(save):
    data = encoded(".webp", photo(), cv2.IMWRITE_WEBP_QUALITY, 101)
    np.testing.assert_array_equal(read_image(save(data)), photo())


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_formats_come_back_close(save, suffix):
    smooth = cv2.GaussianBlur(photo(), (0, 0), 4)
    read = read_image(save(encoded(suffix, smooth), "photo" + suffix)).astype(int)
    assert np.abs(read - smooth).mean() < 5


def test_the_format_is_told_by_the_content_not_by_the_name(save):
    np.testing.assert_array_equal(read_image(save(encoded(".png", photo()), "a.jpg")), photo())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_exif_orientation_is_applied_as_opencv_applies_it_to_jpeg(save, suffix, orientation):
    jpeg = with_exif(".jpg", encoded(".jpg", photo()), orientation)
    upright = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    data = with_exif(suffix, encoded(suffix, photo()), orientation)
    read = read_image(save(data))
    assert read.shape == upright.shape
    assert np.abs(read.astype(int) - upright).mean() < 12  # another corner would give about 60


def test_exif_orientation_6_puts_the_lower_left_corner_to_the_upper_left(save):
    read = read_image(save(with_exif(".png", encoded(".png", photo()), 6)))
    assert read.shape == (W, H, 3)
    assert read[0, 0].tolist() == [0, 0, 250]
    assert read[0, -1].tolist() == [250, 0, 0]


def test_tiff_orientation_is_applied_once(save):
    read = read_image(save(tiff_file(photo(), orientation=6)))
    assert read.shape == (W, H, 3)
    assert read[0, 0].tolist() == [0, 0, 250]


def test_a_damaged_exif_block_counts_as_upright(save):
    data = encoded(".png", photo())
    data = data[:33] + png_chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff") + data[33:]
    np.testing.assert_array_equal(read_image(save(data)), photo())


def test_an_end_marker_inside_an_exif_thumbnail_does_not_end_the_jpeg(save):
    data = encoded(".jpg", photo())
    thumbnail = b"Exif\0\0" + exif(1) + b"\xff\xd8 thumbnail \xff\xd9"
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = data[:2] + segment + data[2:]
    assert read_image(save(whole)).shape == (H, W, 3)
    assert message_of(save(whole[:-40]), DecodeError) == TRUNCATED


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tiff"])
def test_grey_becomes_three_equal_channels(save, suffix):
    read = read_image(save(encoded(suffix, np.full((H, W), 77, np.uint8))))
    np.testing.assert_array_equal(read, np.full((H, W, 3), 77))


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_transparency_is_laid_over_white(save, suffix):
    rgba = np.full((H, W, 4), (100, 50, 0, 255), np.uint8)
    rgba[:, :20, 3] = 0
    rgba[:, 20:30, 3] = 51  # a fifth: 100 / 5 + 255 * 4 / 5 = 224
    read = read_image(save(encoded(suffix, rgba)))
    assert read[0, 0].tolist() == [255, 255, 255]
    assert read[0, 25].tolist() == [224, 214, 204]
    assert read[0, 35].tolist() == [100, 50, 0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("alpha", "colour"), [(2, (100, 50, 0)), (1, (20, 10, 0))])
def test_tiff_alpha_is_understood_multiplied_in_or_not(save, dtype, alpha, colour):
    full = np.iinfo(dtype).max // 255
    rgba = np.full((H, W, 4), (*(full * c for c in colour), full * 51), dtype)
    assert read_image(save(tiff_file(rgba, alpha=alpha)))[0, 0].tolist() == [224, 214, 204]


def test_lossless_webp_transparency_is_laid_over_white(save):
    rgba = np.full((H, W, 4), (100, 50, 0, 51), np.uint8)
    data = encoded(".webp", rgba, cv2.IMWRITE_WEBP_QUALITY, 101)
    assert read_image(save(data))[0, 0].tolist() == [224, 214, 204]


def test_grey_with_alpha_is_laid_over_white(save):
    rows = (b"\0" + bytes([100, 51]) * W) * H
    data = png_file(struct.pack(">IIBBBBB", W, H, 8, 4, 0, 0, 0), rows)
    np.testing.assert_array_equal(read_image(save(data)), np.full((H, W, 3), 224))


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bits_are_scaled_over_the_full_range(save, suffix):
    values = np.resize(np.array([0, 128, 129, 257, 32768, 65535], np.uint16), (H, W, 3))
    read = read_image(save(encoded(suffix, values)))
    table = {0: 0, 128: 0, 129: 1, 257: 1, 32768: 128, 65535: 255}
    np.testing.assert_array_equal(read, np.vectorize(table.get)(values))


def test_float_tiff_runs_from_0_to_1_and_nan_is_black(save):
    values = np.resize(np.array([0, 0.5, 1, 1.2, -0.1, np.nan], np.float32), (H, W, 3))
    read = read_image(save(encoded(".tiff", values, *LOSSLESS)))
    expected = np.resize(np.array([0, 128, 255, 255, 0, 0]), (H, W, 3))
    np.testing.assert_array_equal(read, expected)


def test_separate_planes_of_16_bits_are_refused(save):
    said = message_of(save(tiff_file(photo().astype(np.uint16), planes=2)), DecodeError)
    assert said == (
        "a TIFF image with its colours in separate planes of 16 bits, which OpenCV mixes up; "
        "export it again with the colours side by side"
    )


def test_float_tiff_beyond_1_is_refused(save):
    path = save(encoded(".tiff", np.full((H, W, 3), 200, np.float32), *LOSSLESS))
    assert message_of(path, BadInput) == (
        "float samples must run from 0 to 1, got 0 to 200; "
        "rescale the image or export it with 8 or 16 bits"
    )


def test_signed_samples_are_refused(save):
    path = save(encoded(".tiff", np.ones((H, W, 3), np.int16)))
    assert message_of(path, DecodeError) == (
        "samples of type int16 have no agreed range; "
        "export the image with 8 or 16 unsigned bits or floats from 0 to 1"
    )


def test_five_channels_are_refused(save):
    path = save(tiff_file(np.zeros((H, W, 5), np.uint16)))
    assert message_of(path, DecodeError) == (
        "the TIFF image is damaged or of a kind that OpenCV cannot decode; "
        "export it again, as PNG or JPEG"
    )


def test_images_higher_than_one_block_of_rows_are_converted_whole(save):
    tall = np.random.default_rng(0).integers(0, 256, (600, 20, 3), dtype=np.uint8)
    np.testing.assert_array_equal(read_image(save(encoded(".png", tall))), tall)


def test_a_missing_file_is_named(tmp_path):
    message = message_of(tmp_path / "no.jpg", BadInput)
    assert message == "no such file; check the spelling and the folder"


def test_a_folder_is_no_image(tmp_path):
    message = message_of(tmp_path, BadInput)
    assert message == "a folder, expected an image file; pass the files in it"


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    message = message_of(tmp_path / "pipe.jpg", BadInput)
    assert message == "a device or pipe, expected an image file; save the image first"


def test_an_empty_file_is_named(save):
    message = message_of(save(b""), DecodeError)
    assert message == "the file is empty; copy or download it again"


def test_a_text_file_named_jpg_is_no_image(save):
    assert message_of(save(b"hello world"), DecodeError) == (
        "not a JPEG, PNG, WebP, BMP or TIFF image (it begins with b'hello wo'); convert it to one"
    )


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("missing", [1, 2, 50, 0.5, 0.9])
def test_a_truncated_jpeg_is_refused(save, capfd, progressive, missing):
    data = encoded(".jpg", photo(), cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    cut = missing if missing >= 1 else int(missing * len(data))
    assert message_of(save(data[:-cut]), DecodeError) == TRUNCATED
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_other_truncated_formats_are_refused(save, capfd, suffix, part):
    data = encoded(suffix, np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8))
    assert message_of(save(data[: int(part * len(data))]), DecodeError) == TRUNCATED
    assert capfd.readouterr().err == ""


def test_a_tiff_whose_pixels_are_cut_off_is_refused(save):
    assert message_of(save(tiff_file(photo())[:-100]), DecodeError) == TRUNCATED


def test_a_truncated_bmp_is_refused_quietly(save, capfd):
    assert message_of(save(encoded(".bmp", photo())[:-100]), DecodeError) == (
        "the BMP image is damaged or of a kind that OpenCV cannot decode; "
        "export it again, as PNG or JPEG"
    )
    assert capfd.readouterr().err == ""


def test_every_cut_of_every_format_gives_an_error_of_ours(save):
    for suffix in (".jpg", ".png", ".webp", ".tiff"):
        data = encoded(suffix, photo())
        for length in range(1, len(data), 7):
            with pytest.raises(DecodeError):
                read_image(save(data[:length]))


def test_a_flipped_byte_in_a_png_is_found_by_the_checksum(save):
    data = bytearray(encoded(".png", photo()))
    data[60] ^= 255
    assert "the checksum of its PNG chunk b'IDAT' at byte 33 is wrong" in message_of(
        save(bytes(data)), DecodeError
    )


def test_warnings_of_the_decoder_do_not_reach_stderr(save, capfd):
    profile = png_chunk(b"iCCP", b"ICC\0\0" + zlib.compress(b"no profile"))
    rows = (b"\0" + bytes(3 * W)) * H
    data = png_file(struct.pack(">IIBBBBB", W, H, 8, 2, 0, 0, 0), rows, profile)
    cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert "iCCP" in capfd.readouterr().err  # libpng itself is not silent
    assert read_image(save(data)).shape == (H, W, 3)
    assert capfd.readouterr().err == ""


def test_stderr_works_again_after_reading_in_many_threads(save, capfd):
    path = save(encoded(".png", photo()))
    threads = [
        threading.Thread(target=lambda: [read_image(path) for _ in range(20)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


def test_a_1_x_1_image_is_too_small(save):
    path = save(encoded(".png", np.zeros((1, 1, 3), np.uint8)))
    assert message_of(path, BadInput) == ("too small (1 x 1 px); need at least 16 px on each side")


def test_16_px_a_side_are_enough(save):
    path = save(encoded(".png", np.zeros((16, 16, 3), np.uint8)))
    assert read_image(path).shape == (16, 16, 3)


def test_a_20000_x_20000_png_is_refused_by_its_header(save, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    path = save(png_file(header, bytes(1000)))
    assert message_of(path, BadInput) == (
        "too large (20000 x 20000 px): 400 megapixels, the limit is 100; scale the image down first"
    )


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tiff"])
def test_the_header_gives_the_size_of_every_format(suffix):
    header = read_header(encoded(suffix, photo()))
    assert (header.width_px, header.height_px, header.orientation) == (W, H, 1)


def test_the_header_of_a_lossless_webp_gives_its_size():
    data = encoded(".webp", photo(), cv2.IMWRITE_WEBP_QUALITY, 101)
    assert read_header(data) == ImageHeader("WebP", W, H)
    assert read_header(with_exif(".webp", data, 8)) == ImageHeader("WebP", W, H, 8)


def test_a_bmp_stored_top_down_has_its_height_without_sign():
    data = bytearray(encoded(".bmp", photo()))
    data[22:26] = struct.pack("<i", -H)
    assert read_header(bytes(data)) == ImageHeader("BMP", W, H)


def test_a_header_without_a_size_is_damaged():
    with pytest.raises(DecodeError) as caught:
        read_header(b"\xff\xd8\xff\xd9")
    assert str(caught.value) == (
        "the JPEG header is damaged: it says 0 x 0 px; export the image again"
    )
