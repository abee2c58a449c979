"""Scenes of the demo's shop: the lines that one happening there leaves in its log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple, TypeVar
from urllib.parse import quote_plus

T = TypeVar("T")


class Dice:
    """Throws that follow from the seed's words alone, whatever the process, machine or Python version."""

    def __init__(self, *seed: str | int) -> None:
        digest = blake2b(":".join(map(str, seed)).encode(), digest_size=8).digest()
        self._state = int.from_bytes(digest, "big")

    def below(self, bound: int) -> int:
        """An int from 0 to `bound` - 1; `bound` is at least 1 and at most 2**32."""
        # Knuth's MMIX generator; random.Random promises only random() to stay the same between Python versions
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self._state >> 32) * bound >> 32

    def between(self, low: int, high: int) -> int:
        """An int from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def pick(self, choices: Sequence[T]) -> T:
        """One of `choices`, which is not empty."""
        return choices[self.below(len(choices))]


class Product(NamedTuple):
    """What the shop sells; `slug` is its place in addresses."""

    slug: str
    name: str
    price: str  # EUR


class Outage(NamedTuple):
    """A dependency that fails for a while; failures may name {order}, {email}, {product}, {ms} and {attempt}."""

    error_type: str
    page: str
    omen: str
    failures: tuple[str, ...]
    recovery: str


@dataclass(frozen=True, slots=True)
class Line:
    """What a row holds besides its id and moment; an `error_type` or `data` of None is left out of the row."""

    error_type: str | None
    message: object
    data: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """Who and what a scene is about, with the dice for its figures."""

    host: str
    order: int
    email: str
    product: Product
    dice: Dice

    def request(self, call: str, status: int, page: str) -> Line:
        """The line of one answered request; `call` is a method and a path."""
        message = f"{call} {status} in {self.dice.between(14, 96)} ms"
        return Line("info", message, self.at(call.split(" ")[1], page))

    def at(self, path: str, page: str, partial: str | None = None) -> dict[str, object]:
        """The `data` of a line that `page` wrote while it answered `path` to the cast's user."""
        place: dict[str, object] = {"url": f"https://{self.host}{path}", "page": page}
        return place | ({"partial": partial} if partial else {}) | {"user": {"email": self.email}}


Scene = Callable[[Cast], list[Line]]

EMAILS = (
    "ana.lima@example.com",
    "j.weiss@example.com",
    "hana.sato@example.com",
    "m.zak@example.com",
    "zoe.martin@example.com",
    "priya.nair@example.com",
    "tom.okafor@example.com",
    "elin.dahl@example.com",
)
PRODUCTS = (
    Product("cafe-mug-blue", "Café mug, blue", "18.00"),
    Product("jamtland-blanket", "Jämtland wool blanket", "129.00"),
    Product("kyoto-tea-tin", "Kyoto tea tin 茶筒", "34.50"),
    Product("lodz-linen-apron", "Łódź linen apron", "49.00"),
    Product("oak-cutting-board", "Oak cutting board", "62.00"),
    Product("brass-desk-lamp", "Brass desk lamp", "149.90"),
    Product("harbor-rope-mat", "Harbor rope mat", "39.00"),
)
METHODS = ("card", "card", "sepa", "wallet")
SEARCHES = ("mug", "tea", "wool blanket", "lámpara", "gift under 50")

SLOW_QUERIES = (
    'query product_search {\n  records(filter: { table: { value: "product" } }) {\n    results { id }\n  }\n}',
    "query order_history($user: ID!) { records(filter: { user_id: { value: $user } }) { results { id created_at } } }",
    "query related_products($id: ID!) { records(filter: { id: { value: $id } }) { results { related { id } } } }",
)
DEPRECATIONS = (
    ("include", "{% include %} is deprecated, use {% render %} (shared/price_tag)", "shared/price_tag"),
    ("filter", "The filter `to_cents` is deprecated, use `amount_to_fractional`", "cart/total"),
    ("tag", "{% query_graph %} is deprecated, use {% graphql %} (products/related)", "products/related"),
)
JOBS = (
    "Job reindex_products finished: 1204 records in {ms} ms",
    "Job expire_carts finished: 17 carts emptied in {ms} ms",
    "Job nightly_report queued, priority low",
    "Job resize_images finished: 6 variants in {ms} ms",
)
# message, offending source, stack with the innermost frame first
LIQUID_ERRORS: tuple[tuple[str, str, tuple[tuple[str, int], ...]], ...] = (
    (
        "undefined filter pricify",
        "{{ product.price | pricify: 'EUR' }}",
        (("app/views/partials/shared/price_tag.liquid", 7), ("app/views/pages/products/show.liquid", 31)),
    ),
    (
        "undefined method `first' for nil",
        "{% assign photo = product.photos.first.url %}",
        (
            ("app/views/partials/products/gallery.liquid", 12),
            ("app/views/partials/products/details.liquid", 4),
            ("app/views/pages/products/show.liquid", 22),
        ),
    ),
    (
        "partial not found: products/size_guide",
        "{% render 'products/size_guide', product: product %}",
        (("app/views/pages/products/show.liquid", 48),),
    ),
    (
        "divided by 0",
        "{{ product.rating_sum | divided_by: product.rating_count }}",
        (("app/views/partials/products/stars.liquid", 3), ("app/views/pages/products/show.liquid", 36)),
    ),
)
OUTAGES = (
    Outage(
        "payment-error",
        "api/payments/charge",
        "Payment gateway answers slowly: p95 is 8.2 s, usually 0.4 s",
        (
            "Payment gateway timed out after {ms} ms for order #{order}, attempt {attempt}",
            "Charge for order #{order} ({email}) failed: 504 Gateway Time-out from pay.example.com",
            "Order #{order} stays unpaid: no answer from the payment gateway within {ms} ms",
        ),
        "Payment gateway answers again; waiting charges are retried",
    ),
    Outage(
        "error",
        "products/search",
        "Search cluster is yellow: one of three nodes left",
        (
            "Search failed in {ms} ms: no shard available for index products",
            "Reindex of {product} failed, attempt {attempt}: connection refused",
            "GET /search 500 in {ms} ms\nsearch backend unavailable (request by {email})",
        ),
        "Search cluster is green again; waiting documents are indexed",
    ),
)


def view_product(cast: Cast) -> list[Line]:
    return [cast.request(f"GET /products/{cast.product.slug}", 200, "products/show")]


def browse(cast: Cast) -> list[Line]:
    listing = f"GET /products?page={cast.dice.between(1, 9)}"
    return [cast.request(listing, 200, "products/index"), *view_product(cast)]


def search(cast: Cast) -> list[Line]:
    term, hits = cast.dice.pick(SEARCHES), cast.dice.between(0, 40)
    found = Line("debug", f'search "{term}": {hits} hits, facets {{"in_stock": {hits * 3 // 4}}}')
    return [cast.request(f"GET /search?q={quote_plus(term)}", 200, "products/search"), found]


def fill_cart(cast: Cast) -> list[Line]:
    count = cast.dice.between(1, 3)
    added = Line("cart", f"{count} x {cast.product.name} added", cast.at("/cart", "cart/items/create", "cart/total"))
    return [cast.request("POST /cart/items", 302, "cart/items/create"), added]


def check_out(cast: Cast) -> list[Line]:
    order, price = cast.order, cast.product.price
    paid = {"order": order, "status": "paid", "amount": price, "currency": "EUR", "method": cast.dice.pick(METHODS)}
    callback: dict[str, object] = {"url": f"https://{cast.host}/api/payments", "page": "api/payments/callback"}
    placed = f"Order #{order} placed: {cast.product.name}, {price} EUR"
    return [
        cast.request("POST /checkout", 302, "checkout/create"),
        Line("payment-callback", paid, callback),
        Line("info", placed, cast.at("/checkout", "checkout/create")),
        Line("info", f"Job order_confirmation queued for order #{order}\n"),
    ]


def sign_up(cast: Cast) -> list[Line]:
    welcome = Line("signup", f"Welcome mail queued for {cast.email}", cast.at("/sign-up", "users/create"))
    return [cast.request("POST /sign-up", 201, "users/create"), welcome]


def run_job(cast: Cast) -> list[Line]:
    return [Line("info", cast.dice.pick(JOBS).format(ms=cast.dice.between(140, 2400)))]


def refund(cast: Cast) -> list[Line]:
    text = f"Refund of {cast.product.price} EUR for order #{cast.order} accepted"
    return [Line("payment-callback", text, {"page": "api/payments/callback"})]


def dump_cart(cast: Cast) -> list[Line]:
    items = [{"sku": cast.product.slug, "quantity": cast.dice.between(1, 3), "price": cast.product.price}]
    text = f"cart before checkout\n  items: 1\n  total: {cast.product.price} EUR\n  coupon: nil\n"
    return [Line("debug", cast.dice.pick((text, items)), cast.at("/checkout", "checkout/new", "cart/total"))]


def query_slowly(cast: Cast) -> list[Line]:
    text = f"Slow GraphQL query, {cast.dice.between(900, 4200)} ms: {cast.dice.pick(SLOW_QUERIES)}"
    return [Line("warn", text, cast.at("/products", "products/index"))]


def use_what_is_deprecated(cast: Cast) -> list[Line]:
    kind, text, partial = cast.dice.pick(DEPRECATIONS)
    return [Line("DeprecationWarning", text, cast.at("/", "home/index", partial) | {"kind": kind})]


def run_low(cast: Cast) -> list[Line]:
    left = cast.dice.between(1, 4)
    return [Line("stock-warning", f"Only {left} left of {cast.product.name}", {"sku": cast.product.slug, "left": left})]


def break_a_page(cast: Cast) -> list[Line]:
    """A Liquid error with platformOS's structured diagnostic."""
    message, source, frames = cast.dice.pick(LIQUID_ERRORS)
    url = f"https://{cast.host}/products/{cast.product.slug}"
    diagnostic: dict[str, object] = {
        "schema_version": 1,
        "type": "LiquidError",
        "message": message,
        "stack": [{"path": path, "line": line} for path, line in frames],
        "source_span": source,
        "context": {"url": url, "user": {"email": cast.email}},
    }
    return [Line("LiquidError", f"Liquid error: {message}", diagnostic)]


def break_a_query(cast: Cast) -> list[Line]:
    text = "Field 'price_cents' doesn't exist on type 'Record'\n  at app/graphql/products/find.graphql:6"
    return [Line("GraphQLError", text, cast.at(f"/products/{cast.product.slug}", "products/show"))]


def lose_a_job(cast: Cast) -> list[Line]:
    text = f"Job order_confirmation failed for order #{cast.order}: SMTP 421, next try in 60 s"
    return [Line("error", text, {"order": cast.order, "attempt": cast.dice.between(1, 4)})]


def fail_without_a_type(cast: Cast) -> list[Line]:
    return [Line(None, f"Background worker lost its connection while it handled order #{cast.order}")]


# a scene that stands here twice happens twice as often
DAILY: tuple[Scene, ...] = (
    *(view_product, browse, browse, fill_cart, check_out),
    *(view_product, search, sign_up, run_job, refund, dump_cart),
)
WARNINGS: tuple[Scene, ...] = (query_slowly, query_slowly, use_what_is_deprecated, run_low)
ERRORS: tuple[Scene, ...] = (break_a_page, break_a_page, break_a_page, break_a_query, lose_a_job, fail_without_a_type)


def fail(outage: Outage, attempt: int, cast: Cast) -> Line:
    """One error of an outage that lasts; `attempt` counts from 0."""
    figures = {"order": cast.order, "email": cast.email, "product": cast.product.name, "attempt": attempt % 3 + 1}
    text = cast.dice.pick(outage.failures).format(ms=cast.dice.between(8000, 10200), **figures)
    return Line(outage.error_type, text, cast.at(f"/{outage.page}", outage.page))
