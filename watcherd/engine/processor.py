"""What the processor is and can do, as Linux tells it."""


def multiplies_int8() -> bool:
    """Whether the processor has instructions for sums of products of 8-bit integers that do not overflow."""
    return processor_has("avx512_vnni") or processor_has("avx_vnni")


def processor_has(*features: str) -> bool:
    """Whether the processor has all of these instruction sets, by the names that Linux has for them."""
    return set(features) <= set((_processor_says("flags") or _processor_says("Features") or "").split())


def processor_name() -> str:
    """What the processor calls itself."""
    return _processor_says("model name") or "CPU"


def _processor_says(wanted: str) -> str | None:
    """What the kernel says of the first processor under this key."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as cpuinfo:  # noqa: PTH123  not a user's path
            for line in cpuinfo:
                key, _, value = line.partition(":")
                if key.strip() == wanted:
                    return value.strip()
    except OSError:
        pass
    return None
