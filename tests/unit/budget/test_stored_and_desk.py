"""Limits that stand in Redis, and what admins may do with them and with scopes."""

import asyncio
from contextlib import nullcontext
from typing import Any

import pytest

from app.access.key import ANY_TENANT
from app.budget.desk import BudgetDesk
from app.budget.ledger import RedisBudgetLedger
from app.budget.limits import scopes_of
from app.budget.scopes import caller_in, check_stoppable, scope_named
from app.budget.stops import BY_OPERATOR, RedisStops
from app.budget.stored import StoredBudgets, StoredRule
from app.config.budgets import BudgetRule
from app.domain import Amounts, Caller, Reservation, Scope, Unit
from app.errors import Forbidden, InvalidRequest, NotFound, StoreUnavailable
from app.store.client import Store

ANN = Scope("acme", (("feature", "faq"), ("user", "ann")))


def rule(**said: Any) -> BudgetRule:
    return BudgetRule.model_validate({"tokens": 100, **said})


def desk_on(store: Store, *policy: BudgetRule) -> BudgetDesk:
    return BudgetDesk(StoredBudgets(store), RedisBudgetLedger(store), RedisStops(store), lambda: policy)


async def test_rules_apply_to_their_tenant_and_to_every_one(store: Store) -> None:
    """As the policy's do: `*` and the exact name; and defaults stay what they were."""
    desk, stored = desk_on(store), StoredBudgets(store)
    await desk.put("all", rule(tokens=1), ANY_TENANT)
    await desk.put("acme", rule(tenant="acme", usd="0.5", user="*", sliding=True), ANY_TENANT)
    await stored.table.refresh()
    assert stored.rules_for("rival") == (rule(tokens=1),)
    assert stored.rules_for("*") == (rule(tokens=1),)
    found = stored.rules_for("acme")
    assert found == (rule(tokens=1), rule(tenant="acme", usd="0.5", user="*", sliding=True))
    assert "window" not in found[1].model_fields_set


async def test_unknown_is_not_unlimited(store: Store) -> None:
    """Before they were ever read, nobody may spend: a start without Redis must not lift every stored limit."""
    with pytest.raises(StoreUnavailable):
        StoredBudgets(store).rules_for("acme")


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        (b'{"id":"new","operator":false,"rule":{"tenant":"acme","tokens":5,"window":"fortnight"}}', {"acme"}),
        (b'{"id":"new","operator":true,"rule":{"tokens":5,"colour":"red"}}', {"acme", "rival"}),
        (b"{", {"acme", "rival"}),
    ],
)
async def test_a_rule_that_cannot_be_read_lifts_no_limit(store: Store, text: bytes, bound: set[str]) -> None:
    """A later version wrote it, as an upgrade goes on: whom it limits waits, until the operator replaces it."""
    stored, desk = StoredBudgets(store), desk_on(store)
    await stored.table.swap("new", b"", text)
    await stored.table.refresh()
    for tenant in ("acme", "rival"):
        with pytest.raises(StoreUnavailable, match="new") if tenant in bound else nullcontext():
            stored.rules_for(tenant)
    for act in (desk.put("new", rule(tenant="acme"), "acme"), desk.delete("new", "acme")):
        with pytest.raises(Forbidden):
            await act
    await desk.delete("new", ANY_TENANT)
    await stored.table.refresh()
    assert stored.rules_for("acme") == stored.rules_for("rival") == ()


async def test_a_rule_is_put_again_without_change_and_deleted_once(store: Store) -> None:
    """PUT is idempotent; a second DELETE finds nothing."""
    desk = desk_on(store)
    for _ in range(2):
        await desk.put("mine", rule(), ANY_TENANT)
    assert [each.id for each in await desk.stored(ANY_TENANT)] == ["mine"]
    await desk.delete("mine", ANY_TENANT)
    with pytest.raises(NotFound):
        await desk.delete("mine", ANY_TENANT)


async def test_many_who_change_one_rule_all_get_an_answer(store: Store) -> None:
    """The last one's rule stands; of those who take it away one does, and the others find nothing."""
    desks = [desk_on(store) for _ in range(8)]
    await asyncio.gather(*(desk.put("mine", rule(tokens=number), ANY_TENANT) for number, desk in enumerate(desks)))
    [found] = await desks[0].stored(ANY_TENANT)
    assert found.rule.tokens in range(8)
    ends = await asyncio.gather(*(desk.delete("mine", ANY_TENANT) for desk in desks), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["NoneType"] + ["NotFound"] * 7


@pytest.mark.parametrize("text", ["tenant=*", "tenant=acme,user=*", "tenant=acme,feature=f%2A"])
async def test_a_stop_that_would_stop_nobody_is_refused(store: Store, text: str) -> None:
    """`*` is each of them in a rule; a stop that was believed and stopped nothing would be the worst of all."""
    with pytest.raises(InvalidRequest, match="stands for none"):
        await desk_on(store).stop(scope_named(text), "", ANY_TENANT)


@pytest.mark.parametrize(
    "wrong", [{"tokens": True}, {"usd": "0.0000001"}, {"user": "*x"}, {"tenant": "a*"}, {"tenant": ""}, {"usd": "-1"}]
)
def test_a_rule_that_would_not_do_what_it_says_is_refused(wrong: dict[str, Any]) -> None:
    """Pieces of patterns, amounts that are none or would be counted as nothing."""
    with pytest.raises(ValueError, match="validation error"):
        rule(**wrong)


async def test_a_tenants_admin_limits_its_own_tenant_only(store: Store) -> None:
    """Without a tenant its own is meant; another's is refused, read or written; the operator's rules are not lifted."""
    desk = desk_on(store, rule(), rule(tenant="rival", tokens=7))
    mine = await desk.add(rule(), "acme")
    assert (mine.rule.tenant, mine.operator) == ("acme", False)
    for tenant in ("rival", "*"):
        with pytest.raises(Forbidden):
            await desk.add(rule(tenant=tenant), "acme")
    await desk.put("hard", rule(tenant="acme", tokens=5), ANY_TENANT)
    with pytest.raises(Forbidden):
        await desk.put("hard", rule(tokens=500), "acme")
    with pytest.raises(Forbidden):
        await desk.delete("hard", "acme")
    await desk.put("theirs", rule(tenant="rival"), ANY_TENANT)
    for attempt in (desk.delete("theirs", "acme"), desk.put("theirs", rule(), "acme")):
        with pytest.raises(NotFound):
            await attempt
    assert {each.id for each in await desk.stored("acme")} == {mine.id, "hard"}
    assert desk.of_policy("acme") == [rule()]
    await desk.delete(mine.id, "acme")


async def test_a_scope_shows_what_binds_it_and_nothing_else(store: Store) -> None:
    """Policy and stored rules; not the counter of who names no feature, not that of another user."""
    policy = [
        rule(),
        rule(feature="*", tokens=50),
        rule(feature="faq", user="*", usd="1", tokens=None),
        rule(tenant="rival"),
    ]
    desk = desk_on(store, *policy)
    await desk.put("r", rule(tenant="acme", requests=3, tokens=None), ANY_TENANT)
    shown = await desk.show(ANN)
    assert {(str(booked.limit.scope), booked.limit.unit) for booked, _ in shown.standings} == {
        ("tenant=acme", Unit.TOKENS),
        ("tenant=acme", Unit.REQUESTS),
        ("tenant=acme,feature=faq", Unit.TOKENS),
        ("tenant=acme,feature=faq,user=ann", Unit.MICRO_USD),
    }
    tenant = await desk.show(Scope("acme"))
    assert [str(booked.limit.scope) for booked, _ in tenant.standings] == ["tenant=acme", "tenant=acme"]


async def test_a_scope_shows_what_is_held_spent_and_left(store: Store) -> None:
    """The ledger's own numbers."""
    desk, ledger = desk_on(store, rule()), RedisBudgetLedger(store)
    limits = [booked.limit for booked, _ in (await desk.show(Scope("acme"))).standings]
    first = await ledger.reserve("one", Caller("acme"), limits, Amounts(input_tokens=10))
    assert isinstance(first, Reservation)
    await ledger.settle(first, Amounts(input_tokens=7))
    await ledger.reserve("two", Caller("acme"), limits, Amounts(output_tokens=20))
    [(booked, left)] = (await desk.show(Scope("acme"))).standings
    assert (booked.spent, booked.held, left.amount) == (7, 20, 73)
    assert left.resets_in_s is not None
    assert 0 < left.resets_in_s <= 86_400


async def test_a_tenant_stores_a_thousand_limits_however_they_are_spread_over_rules(store: Store) -> None:
    """A rule may have six. Put in the place of another it counts as well; other tenants' do not."""
    stored, desk = StoredBudgets(store), desk_on(store)
    six = {"tokens": 1, "input_tokens": 1, "output_tokens": 1, "usd": "1", "requests": 1, "concurrent": 1}
    for number in range(166):
        await stored.put(StoredRule(f"r{number}", rule(tenant="acme", **six)), b"")
    for name in ("small", "other"):
        await desk.put(name, rule(tenant="acme"), "acme")
    with pytest.raises(InvalidRequest, match="1000 stored limits"):
        await desk.put("small", rule(tenant="acme", requests=1, concurrent=1, input_tokens=1, output_tokens=1), "acme")
    with pytest.raises(InvalidRequest, match="1000 stored limits"):
        await desk.put("new", rule(tenant="acme", requests=1, concurrent=1, input_tokens=1), "acme")
    await desk.put("new", rule(tenant="rival", **six), "rival")


async def test_the_kill_switch_of_the_operator_is_not_the_tenants(store: Store) -> None:
    """Its admin neither lifts the stop nor writes another reason over it, to lift it then."""
    desk = desk_on(store)
    await desk.stop(ANN, "abuse", ANY_TENANT)
    with pytest.raises(Forbidden):
        await desk.resume(ANN, "acme")
    assert await desk.stop(ANN, "my own", "acme") == BY_OPERATOR + "abuse"
    with pytest.raises(Forbidden):
        await desk.resume(ANN, "acme")
    assert (await desk.show(ANN)).stopped == BY_OPERATOR + "abuse"
    with pytest.raises(InvalidRequest):
        await desk.stop(ANN, BY_OPERATOR + "forged", "acme")
    await desk.resume(ANN, ANY_TENANT)
    assert (await desk.show(ANN)).stopped is None
    await desk.stop(ANN, "my own", "acme")
    assert [each.scope for each in await desk.stops("acme")] == [ANN]
    assert await desk.stops("rival") == []
    await desk.resume(ANN, "acme")
    await desk.resume(ANN, "acme")


async def test_the_operators_stop_holds_whatever_the_tenants_admin_does_at_that_moment(store: Store) -> None:
    """Neither lifted nor given another reason in between; and who watches all tenants sees what grants are refused by.

    A tenant that resumes its scope again and again would else undo the kill switch as it is thrown.
    """
    desk = desk_on(store)
    for _ in range(20):
        await desk.resume(ANN, ANY_TENANT)
        deeds = desk.resume(ANN, "acme"), desk.stop(ANN, "my own", "acme"), desk.stop(ANN, "abuse", ANY_TENANT)
        await asyncio.gather(*deeds, return_exceptions=True)
        assert [each.reason for each in await desk.stops("acme")] == [BY_OPERATOR + "abuse"]
        assert await desk.stops(ANY_TENANT) == await desk.stops("acme")


@pytest.mark.parametrize(
    "scope",
    [
        Scope("acme"),
        ANN,
        Scope("a,b=c %ü", (("user", "x,y=z/?#%2C"), ("key", "k"))),
        Scope("acme", (("feature", ""), ("user", "ann"))),
    ],
)
def test_a_scopes_text_is_read_back(scope: Scope) -> None:
    """Whatever its names are; parts in any order."""
    assert scope_named(str(scope)) == scope
    tenant, *parts = str(scope).split(",")
    assert scope_named(",".join([tenant, *reversed(parts)])) == scope
    assert caller_in(scope).tenant == scope.tenant


@pytest.mark.parametrize(
    "text",
    ["", "acme", "tenant=", "feature=faq", "tenant=a,tenant=b", "tenant=a,planet=x", "tenant=a,,", "tenant=a%0A"],
)
def test_what_is_no_scope_is_refused(text: str) -> None:
    """With the form of one in the message."""
    with pytest.raises(InvalidRequest):
        scope_named(text)


def test_names_of_a_scope_are_bounded_and_said_once() -> None:
    """As a request's are."""
    for text in ("tenant=" + "x" * 129, "tenant=a,use", "tenant=a,user=a,user=b"):
        with pytest.raises(InvalidRequest):
            scope_named(text)


def test_only_what_a_request_would_notice_can_be_stopped() -> None:
    """The kinds are those that `scopes_of` looks at: another stop would be believed and stop nothing."""
    caller = Caller("acme", "team", "faq", "ann", "s1", key="k1")
    for scope in scopes_of(caller):
        check_stoppable(scope)
    for parts in ("team=t,user=ann", "feature=faq,key=k", "feature=faq,user=ann,session=s", "feature=", "user="):
        with pytest.raises(InvalidRequest):
            check_stoppable(scope_named(f"tenant=acme,{parts}"))
