"""The HTTP interface: routes, their parameters, and what OpenAPI says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

import skypile
from skypile.serve import openapi
from skypile.serve.answers import CurateAnswer
from skypile.serve.bodies import body_kind
from skypile.serve.curating import Asked, answered_as_json, answered_as_lines, explanation
from skypile.serve.frame import Frame, problem_response
from skypile.serve.openapi import ExplainAnswer
from skypile.serve.problems import Problem
from skypile.serve.recipe_view import RecipeTold, recipe_told
from skypile.serve.service import Service

__all__ = ["create_app"]

PAGE = Path(__file__).parent / "page"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Health(BaseModel):
    """What a probe is told."""

    status: str


def create_app(service: Service) -> Frame:
    """Return the application that answers for `service`, which its owner starts and closes."""
    app = FastAPI(
        title="SkyPile", version=skypile.__version__, description=openapi.DESCRIPTION,
        # FastAPI's own pages load scripts from elsewhere.
        docs_url=None, redoc_url=None,
    )  # fmt: skip
    _add_curating(app, service)
    _add_watching(app, service)
    _add_page(app)
    _add_problems(app)
    # Around FastAPI's own middleware, so that the answer to a fault is framed as well.
    return Frame(app, service)


def _add_curating(app: FastAPI, service: Service) -> None:
    @app.post(
        "/v1/curate", tags=["documents"], summary="Judge documents", response_model=CurateAnswer,
        responses=openapi.CURATE_RESPONSES, openapi_extra=openapi.CURATE_BODY,
    )  # fmt: skip
    async def curate(
        request: Request,
        *,
        columns: Annotated[
            list[str], Query(description="columns to answer with: all (the default), none or names")
        ] = [],  # noqa: B006 - FastAPI copies it
        text: Annotated[bool, Query(description="answer with the texts as rewritten")] = False,
        explain: Annotated[bool, Query(description="answer with rules and spans")] = False,
    ) -> Response:
        asked = Asked(columns=tuple(columns), text=text, explain=explain)
        kind, _ = body_kind(request.headers)
        if kind == "lines":
            return await answered_as_lines(service, request, asked)
        return await answered_as_json(service, request, asked)

    @app.post(
        "/v1/explain", tags=["documents"], summary="Explain one document",
        response_model=ExplainAnswer, responses=openapi.EXPLAIN_RESPONSES,
        openapi_extra=openapi.EXPLAIN_BODY,
    )  # fmt: skip
    async def explain(request: Request) -> Response:
        return await explanation(service, request)

    @app.get(
        "/v1/recipe", tags=["recipe"], summary="What is applied, and what is not",
        responses=openapi.KEY_RESPONSES,
    )  # fmt: skip
    async def recipe() -> RecipeTold:
        names = service.answers.names
        return await run_in_threadpool(recipe_told, service.recipe, names, models=service.models)


def _add_watching(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", tags=["operation"], summary="Whether the process answers")
    async def healthz() -> Health:
        return Health(status="ok")

    @app.get(
        "/readyz", tags=["operation"], summary="Whether documents are taken",
        responses=openapi.READY_RESPONSES,
    )  # fmt: skip
    async def readyz() -> Health:
        if not service.ready:
            service_says = "draining" if service.draining else "loading"
            raise Problem(
                503, service_says, f"the service is {service_says}", where="the service",
                hint="send documents elsewhere", headers={"Retry-After": "1"},
            )  # fmt: skip
        return Health(status="ready")

    @app.get(
        "/metrics", tags=["operation"], summary="Counters for Prometheus", response_class=Response,
        responses={200: {"content": {METRICS_TYPE: {"schema": {"type": "string"}}}}},
    )  # fmt: skip
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=METRICS_TYPE)


def _add_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(PAGE / "index.html", media_type="text/html; charset=utf-8")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return FileResponse(PAGE / "docs.html", media_type="text/html; charset=utf-8")

    app.mount("/page", StaticFiles(directory=PAGE), name="page")


def _add_problems(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def told(request: Request, problem: Problem) -> Response:
        return problem_response(problem, request.scope)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = " ".join(str(part) for part in first["loc"])
        problem = Problem(
            422, "bad_parameter", str(first["msg"]), where=where,
            hint="see /openapi.json for what it may be",
        )  # fmt: skip
        return problem_response(problem, request.scope)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        codes = {404: "not_found", 405: "method_not_allowed"}
        problem = Problem(
            error.status_code, codes.get(error.status_code, "refused"), str(error.detail),
            where="the request line", hint="see /openapi.json for what there is",
            headers=dict(error.headers or {}),
        )  # fmt: skip
        return problem_response(problem, request.scope)

    @app.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> Response:  # noqa: ARG001 - told in the log
        problem = Problem(
            500, "fault", "the service has a fault", where="the service",
            hint="report it with the request id and the line of its log",
        )  # fmt: skip
        return problem_response(problem, request.scope)
