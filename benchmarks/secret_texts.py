"""Texts with made-up secrets in them, and texts that only look so, drawn with a seed.

No value here is or was anybody's: prefixes are put together from pieces, bodies are drawn. Rules
were mended by what the texts of `seen` showed; the others were written when the rules stood, and
no rule was changed for them.
"""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable, Iterator

__all__ = ["VALUES", "examples"]

ALNUM, LOWER_HEX = string.ascii_letters + string.digits, "0123456789abcdef"
URLSAFE, BASE64 = ALNUM + "_-", ALNUM + "+/"
BASE32 = string.ascii_uppercase + "234567"
Rng = random.Random
Example = tuple[str, list[tuple[int, int, str]]]


def drawn(rng: Rng, letters: str, size: int) -> str:
    """Return `size` of `letters`, with a digit where they have one."""
    found = [rng.choice(letters) for _ in range(size)]
    if "2" in letters:
        found[rng.randrange(1, size - 1)] = rng.choice("234567")
    return "".join(found)


def pem(rng: Rng, kind: str, newline: str = "\n") -> str:
    """Return a block in the form of a private key."""
    lines = [drawn(rng, BASE64, 64) for _ in range(rng.choice((1, 12, 25)))]
    dashes = "-" * 5
    ends = (f"{dashes}BEGIN {kind}PRIVATE KEY{dashes}", f"{dashes}END {kind}PRIVATE KEY{dashes}")
    return newline.join((ends[0], *lines, ends[1]))


def jwt(rng: Rng) -> str:
    """Return a token with a header that names an algorithm, some claims and a signature."""
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    claims = f'{{"sub":"{rng.randrange(10**9)}","iat":{rng.randrange(10**9)}}}'.encode()
    body = base64.urlsafe_b64encode(claims).decode().rstrip("=")
    return f"{header}.{body}.{drawn(rng, URLSAFE, 43)}"


def password(rng: Rng) -> str:
    """Return eight to sixteen characters of three kinds."""
    body = drawn(rng, string.ascii_lowercase, rng.randrange(5, 10)).replace("2", "w")
    end = f"{rng.randrange(10)}{rng.choice('!+=^~.')}{rng.randrange(99)}"
    return f"{rng.choice('BDGHKNQRVXZ')}{body}{end}"


def basic(rng: Rng) -> str:
    """Return a name and a password as HTTP writes them (RFC 7617)."""
    return base64.b64encode(f"{drawn(rng, 'aeioklmnrst', 6)}:{password(rng)}".encode()).decode()


# Kind -> values of it.
VALUES: dict[str, tuple[Callable[[Rng], str], ...]] = {
    "private_key": (
        lambda r: pem(r, ""), lambda r: pem(r, "RSA "), lambda r: pem(r, "EC "),
        lambda r: pem(r, "OPENSSH "),
    ),
    "aws_key_id": (
        lambda r: "AK" "IA" + drawn(r, BASE32, 16), lambda r: "AS" "IA" + drawn(r, BASE32, 16),
    ),
    "aws_secret": (lambda r: drawn(r, BASE64, 40),),
    "github_token": (
        lambda r: "gh" "p_" + drawn(r, ALNUM, 36), lambda r: "gh" "s_" + drawn(r, ALNUM, 36),
        lambda r: "github" "_pat_" + drawn(r, ALNUM, 22) + "_" + drawn(r, ALNUM, 59),
    ),
    "gitlab_token": (lambda r: "gl" "pat-" + drawn(r, URLSAFE, 20),),
    "slack_token": (
        lambda r: f"xo{'xb'}-{r.randrange(10**11, 10**12)}-{r.randrange(10**11, 10**12)}-"
        + drawn(r, ALNUM, 24),
        lambda r: f"xo{'xp'}-{r.randrange(10**11, 10**12)}-" + drawn(r, LOWER_HEX, 32),
    ),
    "stripe_key": (
        lambda r: "sk" "_live_" + drawn(r, ALNUM, 24),
        lambda r: "rk" "_live_" + drawn(r, ALNUM, 40),
        lambda r: "sk" "_test_" + drawn(r, ALNUM, 24),
    ),
    "google_key": (
        lambda r: "AI" "za" + drawn(r, URLSAFE, 35), lambda r: "GO" "CSPX-" + drawn(r, URLSAFE, 28),
    ),
    "llm_key": (
        lambda r: "sk" "-proj-" + drawn(r, URLSAFE, 48), lambda r: "sk" "-" + drawn(r, ALNUM, 48),
        lambda r: "sk" "-ant-" + drawn(r, URLSAFE, 60),
        lambda r: "sk" "-" + drawn(r, LOWER_HEX, 32),
    ),
    "hf_token": (lambda r: "h" "f_" + drawn(r, ALNUM, 34),),
    "npm_token": (lambda r: "np" "m_" + drawn(r, ALNUM, 36),),
    "pypi_token": (lambda r: "py" "pi-AgEIcHlwaS5vcmc" + drawn(r, URLSAFE, 90),),
    "vendor_token": (
        lambda r: "S" "G." + drawn(r, URLSAFE, 22) + "." + drawn(r, URLSAFE, 42) + "k",
        lambda r: "dop" "_v1_" + drawn(r, LOWER_HEX, 64), lambda r: "hv" "s." + drawn(r, ALNUM, 24),
        lambda r: "shp" "at_" + drawn(r, LOWER_HEX, 32),
    ),
    "jwt": (jwt,),
    "url_password": (password,),
    "password": (password,),
    "secret": (
        lambda r: drawn(r, LOWER_HEX, 32), lambda r: drawn(r, LOWER_HEX, 40),
        lambda r: drawn(r, ALNUM, 32), lambda r: drawn(r, URLSAFE[:-2], 24),
        lambda r: drawn(r, BASE64, 43) + "=",
    ),
}  # fmt: skip

# For all kinds that stand alone: where people leave them. `@` is the value.
_ALONE_SEEN = (
    'TOKEN = "@"\n', "export SERVICE_TOKEN=@\n", "token: @\n", '{"token": "@"}\n',
    "curl -H 'Authorization: token @' https://api.host.net/x\n",
    "const client = new Client('@');\n",
    "    // old one: @, do not use\n", "headers = {'X-Key': '@'}\n", "key=@&page=2\n",
)  # fmt: skip
_ALONE_SEEN_2 = (
    "private static final String KEY = \"@\";\n", "  value: '@'\n",
    "<add key=\"K\" value=\"@\"/>\n",
    "client, err := api.New(ctx, \"@\")\n", "# @\n", "ENV HARBOUR=@\n", "login(`@`)\n",
    "[default]\nkey = @\n", "\"Authorization\" => \"Bearer @\",\n", "print('using @')\n",
)  # fmt: skip
_NAMED_SEEN = {
    "aws_secret": (
        'aws_secret_access_key = "@"\n', "AWS_SECRET_ACCESS_KEY=@\n", "secretAccessKey: '@',\n",
        "[default]\naws_secret_access_key=@\n",
    ),
    "url_password": (
        "DATABASE_URL=postgres://harbour:@@db.internal:5432/tides\n",
        'engine = create_engine("mysql+pymysql://app:@@10.0.0.3/app")\n',
        "mongodb://reader:@@cluster0.host.net/?retryWrites=true\n", "redis://:@@cache:6379/0\n",
    ),
    "password": (
        'password = "@"\n', "DB_PASSWORD=@\n", '  "password": "@",\n', "password: @\n",
        "$db_passwd = '@';\n", 'String dbPassword = "@";\n', "<password>@</password>\n",
        "conn = connect(host='db', user='app', password='@')\n", "-Dadmin.pwd=@\n",
    ),
    "secret": (
        'API_KEY = "@"\n', "api_key: @\n", "SECRET_KEY = '@'\n", '"clientSecret": "@",\n',
        "export AUTH_TOKEN=@\n", 'private String accessToken = "@";\n',
        "-H 'Authorization: Bearer @'\n", "config.secret_token = '@'\n",
    ),
}  # fmt: skip
_NAMED_SEEN_2 = {
    "aws_secret": (
        'os.environ["AWS_SECRET_ACCESS_KEY"] = "@"\n', "  aws_secret_key: @\n",
        'aws.secretAccessKey = "@"\n',
        "environment:\n  - AWS_SECRET_ACCESS_KEY=@\n",
    ),
    "url_password": (
        "  url: jdbc:postgresql://tide:@@pg:5432/x\n", "amqp://worker:@@mq.local//\n",
        "git remote add up https://deploy:@@git.host.net/a/b.git\n",
        'const uri = `mongodb+srv://main:@@c1.abcde.net/x`;\n', "proxy=http://svc:@@proxy:3128\n",
        "ftp://archive:@@files.host.net/pub\n",
    ),
    "password": (
        "os.environ['PGPASSWORD'] = '@'\n", "spring.datasource.password=@\n",
        'var userPassword: String = "@"\n', "  passphrase: '@'\n",
        "ansible_ssh_pass: x\nsmtp_password: '@'\n",
        "define('DB_PASSWORD', 'x'); $config['password'] = '@';\n",
        'const password = "@"\n', 'Server=db;User Id=app;Password=@;Encrypt=true\n',
        "curl -H 'Authorization: Basic BASIC' https://api.host.net\n",
    ),
    "secret": (
        'app.config["SECRET_KEY"] = "@"\n', "stripe.api_key = '@'\n", "  client_secret: @\n",
        'let api_key: &str = "@";\n', "JWT_SECRET=@\n", "'consumer_secret' => '@',\n",
        "<apiKey>@</apiKey>\n", 'headers["Authorization"] = "Bearer @"\n',
        "webhook_secret = \"@\"\n",
        "AccountName=x;AccountKey=@;EndpointSuffix=core\n",
        "SharedAccessKey=@;EntityPath=x\n",
    ),
}  # fmt: skip
_PEM_SEEN = ("@\n", 'KEY = """@\n"""\n', "key: |\n@\n")
_PEM_SEEN_2 = ("cat > id <<EOF\n@\nEOF\n", "const char *key =\n`@`;\n", "<key>@</key>\n")


_ALONE = (
    "fmt.Println(`@`)\n", 'let token = String::from("@");\n', "-e TOKEN=@ \\\n", "<!-- @ -->\n",
    "//host.net/:_authToken=@\n", "machine api.host.net login x password @\n", '"@",\n',
    "auth: {\n  token: '@'\n}\n", 'setHeader("X-Auth", "@")\n', "password: @\n",
    "; the token of the harbour: @.\n", "$token = '@';\n",
)  # fmt: skip
_NAMED = {
    "aws_secret": (
        "  SecretAccessKey: @\n", "secret_access_key = '@'\n", 'AWS_SECRET_KEY: "@"\n',
        "{'aws_secret_access_key': '@'}\n",
    ),
    "url_password": (
        "BROKER = 'amqps://tide:@@rabbit.local:5671'\n", "  - https://ci:@@nexus.local/repo\n",
        'DSN="clickhouse://reader:@@ch1:9000/tides"\n', "sftp://harbour:@@10.1.2.3/out\n",
        "rtsp://viewer:@@192.168.1.9/stream\n", '("redis://default:@@r1:6379")\n',
    ),
    "password": (
        'mysql_root_password: "@"\n', 'let password = "@";\n', "  DB_HOST: x\n  password = '@'\n",
        "MYSQL_PASSWORD=@\n", "<user>x</user><dbPassword>@</dbPassword>\n",
        "user.password = '@'\n", '{"admin_password":"@"}\n', "Uid=app;Pwd=@;\n",
        "keystorePassword=@\n", "auth = {'user': 'x', 'passwd': '@'}\n",
    ),
    "secret": (
        "session_secret: '@'\n", "const API_KEY = '@';\n", "MAPS_API_KEY=@\n",
        '"auth_token": "@"\n', 'encryption_key = "@"\n', "client_secret = '@'\n",
        'private val apiKey = "@"\n', "signing-key: @\n",
        "Authorization: Bearer @\n", "access_token=@&x=1\n",
    ),
}  # fmt: skip
_PEM = ("ssh_key = <<KEY\n@\nKEY\n", "data:\n@\n", '"""@"""\n')


def templates(kind: str, *, seen: bool) -> tuple[str, ...]:
    """Return the texts around values of a kind."""
    if kind == "private_key":
        return (*_PEM_SEEN, *_PEM_SEEN_2) if seen else _PEM
    if not seen:
        return _NAMED.get(kind, _ALONE)
    if kind in _NAMED_SEEN:
        return (*_NAMED_SEEN[kind], *_NAMED_SEEN_2[kind])
    return (*_ALONE_SEEN, *_ALONE_SEEN_2)


# What is none: `@` stands for a value of the function.
_NEGATIVES_SEEN: tuple[tuple[str, Callable[[Rng], str]], ...] = (
    ('password = "@"\n', lambda r: r.choice(("changeme", "example123", "secret", "********",
                                             "<your-password-1>", "${DB_PASSWORD}", "password1"))),
    ("password = os.environ['@']\n", lambda r: f"DB_{drawn(r, BASE32, 8)}"),
    ("api_key = @\n", lambda r: r.choice(("get_key1(user)", "settings.api_key2", "None", "key_1"))),
    ('commit = "@"\n', lambda r: drawn(r, LOWER_HEX, 40)),
    ('"integrity": "sha512-@=="\n', lambda r: drawn(r, BASE64, 86)),
    ("id: @\n", lambda r: "-".join(drawn(r, LOWER_HEX, n) for n in (8, 4, 4, 4, 12))),
    ('api_key = "@"\n', lambda r: "-".join(drawn(r, LOWER_HEX, n) for n in (8, 4, 4, 4, 12))),
    ("sha256: @\n", lambda r: drawn(r, LOWER_HEX, 64)),
    ('token_hash = "@"\n', lambda r: drawn(r, LOWER_HEX, 64)),
    ('<img src="data:image/png;base64,@">\n', lambda r: drawn(r, BASE64, 200)),
    ("key = bytes.fromhex('@')\n", lambda r: drawn(r, LOWER_HEX, 32)),
    ("Key: @\nPlaintext: 00\n", lambda r: drawn(r, LOWER_HEX, 32)),
    ("public_key = \"@\"\n", lambda r: drawn(r, BASE64, 44)),
    ("nextToken: '@'\n", lambda r: drawn(r, BASE64, 44)),
    ("postgres://@@localhost/db\n", lambda r: r.choice(("postgres:postgres", "user:password",
                                                       "user:pass1", "${USER}:${PASS1}"))),
    ("aws_access_key_id = @\n", lambda _: "AK" "IA" "IOSFODNN7" "EXAMPLE"),
    ("token = '@'\n", lambda _: "gh" "p_" + "x" * 36),
    ("token = '@'\n", lambda r: r.choice(("my-new-token-name-2024", "token_for_user_12"))),
    ("export OPENAI_API_KEY=@\n", lambda _: "sk" "-your-key-goes-here-000000000000"),
    ("def check(password=@): pass\n", lambda r: r.choice(("DEFAULT_1", "None", "''"))),
    ("$password = $_POST['@'];\n", lambda _: "password1"),
    ("passwordField.text == '@'\n", lambda _: "user_password_1"),
    ("-----BEGIN CERTIFICATE-----\n@\n-----END CERTIFICATE-----\n",
     lambda r: drawn(r, BASE64, 640)),
    ("-----BEGIN PUBLIC KEY-----\n@\n-----END PUBLIC KEY-----\n", lambda r: drawn(r, BASE64, 64)),
    ("-----BEGIN " "PRIVATE KEY-----\n@\n-----END " "PRIVATE KEY-----\n", lambda _: "MIIE..."),
    ("ETag: \"@\"\n", lambda r: drawn(r, LOWER_HEX, 32)),
    ("const keyframes = '@';\n", lambda r: drawn(r, ALNUM, 24)),
    ("<input type='password' id='@'>\n", lambda r: "pw" + drawn(r, ALNUM, 10)),
    ("tokens: @\n", lambda r: f"{r.randrange(10**9)}"),
    ("password_hash = '@'\n", lambda r: "$2b$12$" + drawn(r, ALNUM, 53)),
)  # fmt: skip

_NEGATIVES: tuple[tuple[str, Callable[[Rng], str]], ...] = (
    ("resolved: registry/x.tgz#@\n", lambda r: drawn(r, LOWER_HEX, 40)),
    ('"token": "@",\n', lambda r: r.choice(("string", "identifier_1", "keyword.operator.2"))),
    ("PASSWORD = @\n", lambda r: r.choice(("getpass(1)", "config['db1']", "read_1()", "argv1"))),
    ("api_key = '@'\n", lambda r: r.choice(("YOUR_API_KEY_HERE_1", "insert-your-key-0", "xxxxx1"))),
    ("expected_digest = '@'\n", lambda r: drawn(r, LOWER_HEX, 64)),
    ("md5 = '@'\n", lambda r: drawn(r, LOWER_HEX, 32)),
    ("git checkout @\n", lambda r: drawn(r, LOWER_HEX, 40)),
    ("https://user:@@host/\n", lambda r: r.choice(("password", "pass", "****", "PASSWORD1"))),
    ("url(data:font/woff2;base64,@)\n", lambda r: drawn(r, BASE64, 400)),
    ("foreign_key='@'\n", lambda r: drawn(r, "abcdefgh_", 18)),
    ("secret_id = '@'\n", lambda r: "-".join(drawn(r, LOWER_HEX, n) for n in (8, 4, 4, 4, 12))),
    ("pwd=$(cd @ && pwd)\n", lambda r: f"../dir{r.randrange(9)}"),
    ("h1:@= // go.sum\n", lambda r: drawn(r, BASE64, 43)),
    ("token_count: @\n", lambda r: f"{r.randrange(10**8)}k"),
    ("assert tokens == ['@']\n", lambda r: f"word{r.randrange(99)}"),
    ("passphrase = '@'\n", lambda r: r.choice(("correct horse battery 1", "ch@ngeme", "s3cret"))),
    ("sk-learn @\n", lambda r: f"1.{r.randrange(9)}"),
    ("cacheKey = '@'\n", lambda r: drawn(r, ALNUM, 32)),
    ("msg = 'Password: @'\n", lambda r: r.choice(("{0}", "%s", "<hidden1>", "*****"))),
    ("nonce: '@'\n", lambda r: drawn(r, LOWER_HEX, 24)),
)  # fmt: skip

FILLER = (
    "import os\n\n",
    "def tide(level):\n    return level + 1\n\n",
    "# the harbour and its clocks\n",
    "for (i = 0; i < 10; i++) {\n    total += heights[i];\n}\n",
    "const path = require('path');\n",
    "SELECT level FROM tides WHERE port = 3;\n",
    "key = item['name']; token = next(stream)\n",
)


def examples(*, seen: bool, seed: int = 0, rounds: int = 12) -> Iterator[Example]:
    """Yield texts and the (start, end, kind) of the secrets in each, in characters."""
    rng = Rng(f"{seed} {seen}")
    for kind, kinds_values in VALUES.items():
        for template in templates(kind, seen=seen):
            for turn in range(rounds):
                value = kinds_values[turn % len(kinds_values)](rng)
                before = rng.choice(FILLER)
                left, right = template.split("@", 1) if "@" in template else template.split("BASIC")
                if "@" not in template:
                    value = basic(rng)
                text = before + left + value + right + rng.choice(FILLER)
                start = len(before + left)
                yield text, [(start, start + len(value), kind)]
    for template, value_of in _NEGATIVES_SEEN if seen else _NEGATIVES:
        for _ in range(rounds):
            value = value_of(rng)
            yield rng.choice(FILLER) + template.replace("@", value, 1) + rng.choice(FILLER), []
