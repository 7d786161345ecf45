"""The local AWS: MiniStack 1.5.33 with the few patches that this system needs, each with its reason.

Run by stack.py in .tools/local, with an environment of its own (see emulator_process.py): MiniStack hands its whole
environment down to the functions, which on AWS get only what the template gives them.
"""

from __future__ import annotations

import http.server
import json
import os
import queue
from pathlib import Path

import ministack.core.iam_actions as iam_actions
import ministack.core.lambda_runtime as lambda_runtime
import ministack.services.cloudformation.provisioners as provisioners
import ministack.services.lambda_svc as lambda_service
import ministack.services.scheduler as scheduler
from ministack.app import main

SCHEDULER_TICK_SECONDS = 1


def fire_schedules_each_second() -> None:
    """Upstream looks for due schedules every 10 s; AWS is punctual to the second most of the time."""
    scheduler._SCHEDULE_TICK_INTERVAL = SCHEDULER_TICK_SECONDS


def accept_cors_of_cloudformation() -> None:
    """Upstream stores CorsConfiguration with CloudFormation's key case, and answers preflights by the API's own case."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    create, update = handlers["create"], handlers["update"]

    def renamed(props: dict) -> dict:
        cors = props.get("CorsConfiguration")
        if not cors:
            return props
        return {**props, "CorsConfiguration": {key[0].lower() + key[1:]: value for key, value in cors.items()}}

    handlers["create"] = lambda logical_id, props, stack: create(logical_id, renamed(props), stack)
    handlers["update"] = lambda physical_id, old, new, stack, logical_id=None: update(
        physical_id, renamed(old), renamed(new), stack, logical_id=logical_id
    )


def answer_functions_at_once() -> None:
    """A warm invocation costs 100 ms upstream: 45 ms of delayed acknowledgements on the functions' runtime API, and 50 ms of
    waiting for a log line. The logs go to files here (below), so that nothing is lost by not waiting."""
    http.server.BaseHTTPRequestHandler.disable_nagle_algorithm = True

    def drain(self: lambda_runtime.ProvidedWorker, **_: float) -> str:
        lines = []
        while True:
            try:
                lines.append(self._stderr_queue.get_nowait())
            except queue.Empty:
                return "\n".join(lines)

    lambda_runtime.ProvidedWorker._drain_stderr_bounded = drain


def keep_logs_in_files(folder: Path) -> None:
    """Every line of a function also goes to a file of its name, to be followed while the stack runs."""

    class Tee:
        """A process's output that is copied to a file as it is read."""

        def __init__(self, stream, path: Path) -> None:
            self._stream, self._file = stream, path.open("ab", buffering=0)

        def readline(self) -> bytes:
            line = self._stream.readline()
            self._file.write(line)
            return line

        def close(self) -> None:
            self._stream.close()
            self._file.close()

    pump = lambda_runtime.ProvidedWorker._pump_output

    def pump_and_keep(self: lambda_runtime.ProvidedWorker, stream, log_queue) -> None:
        pump(self, Tee(stream, folder / f"{self.func_name}.log"), log_queue)

    lambda_runtime.ProvidedWorker._pump_output = pump_and_keep


def run_fifo_groups_in_parallel() -> None:
    """Upstream works on one FIFO batch at a time, AWS on as many as there are groups. Order holds: the queue gives out nothing
    of a group while a message of it is in flight."""
    concurrency = lambda_service._sqs_esm_concurrency

    def parallel(mapping: dict, function: dict, config: dict, _queue: dict | None = None) -> int:
        # A template parameter arrives as text, also where it is a number.
        maximum = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency")
        scaling = {"MaximumConcurrency": int(maximum)} if maximum else {}
        return concurrency({**mapping, "ScalingConfig": scaling}, function, config, None)

    lambda_service._sqs_esm_concurrency = parallel


def authorize_schedules_by_their_group() -> None:
    """Upstream authorizes every schedule as one of the group `default`, whatever group the request names."""
    resource_arn = iam_actions.extract_resource_arn

    def with_group(service, method, path, headers, body, query_params, region, account_id) -> str:
        arn = resource_arn(service, method, path, headers, body, query_params, region, account_id)
        if service != "scheduler" or ":schedule/default/" not in arn:
            return arn
        named = json.loads(body or b"{}").get("GroupName") or query_params.get("groupName") or "default"
        group = named[0] if isinstance(named, list) else named
        return arn.replace(":schedule/default/", f":schedule/{group}/")

    iam_actions.extract_resource_arn = with_group


def authorize_batches_as_their_items() -> None:
    """Upstream asks for the right to sqs:SendMessageBatch and its like; on AWS there is none, and sqs:SendMessage allows both."""
    iam_action = iam_actions.extract_iam_action

    def of_items(*arguments, **named) -> str:
        action = iam_action(*arguments, **named)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    iam_actions.extract_iam_action = of_items


if __name__ == "__main__":
    authorize_batches_as_their_items()
    authorize_schedules_by_their_group()
    fire_schedules_each_second()
    accept_cors_of_cloudformation()
    answer_functions_at_once()
    keep_logs_in_files(Path(os.environ["SWITCHBOARD_LOGS"]))
    run_fifo_groups_in_parallel()
    main()
