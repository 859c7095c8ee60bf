"""Faults of the gateway."""


def unended_stays() -> None:
    """Nobody looks whose token is over."""
    from parlour.gateway.app.expiry import StayExpiry

    async def end_due(self: StayExpiry, now_s: float) -> None:
        return None

    StayExpiry.end_due = end_due
