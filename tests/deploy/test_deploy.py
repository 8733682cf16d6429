# SPDX-License-Identifier: Apache-2.0
"""deploy/emr/run from nothing to nothing, against a server that makes what the templates ask for and checks permissions.

moto is the account: CloudFormation, IAM, S3, EC2, EMR. A thread of this test is the machine that EMR would give: it takes the
step, runs the bootstrap action and the job with the node role's credentials and no others, and says how it ended; and the worker that
EMR Serverless would give, with its role's. MinIO, where it is there, holds the conditions of the same policy against a run. Not
checked, for neither has such things: bucket policies and endpoint policies at work, budgets.
"""

import io
import json
import logging
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import warnings
import zipfile

warnings.simplefilter("ignore")
logging.getLogger("werkzeug").setLevel(logging.ERROR)
logging.getLogger("moto").setLevel(logging.ERROR)
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "1000000"
try:
    import boto3
    import parliament
    from moto.cloudformation.models import CloudFormationBackend, cloudformation_backends
    from moto.cloudformation.parsing import clean_json
    from moto.cloudformation.responses import CloudFormationResponse
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.core.common_models import CloudFormationModel
    from moto.core.exceptions import JsonRESTError
    from moto.emr.models import emr_backends
    from moto.emrserverless import models as emrserverless
    from moto.emrserverless.responses import EMRServerlessResponse
    from moto.server import ThreadedMotoServer
except ImportError as missing:
    print(f"skipped: no {missing.name}; tools/setup.sh --tests installs it")
    sys.exit(77)

SOURCE, BUILD = pathlib.Path(os.environ["POMONA_SOURCE"]), pathlib.Path(os.environ["POMONA_BUILD"])
PROGRAM, DEPLOY = BUILD / "apps/pomona/pomona", SOURCE / "deploy/emr"
SPARK_PYTHON = SOURCE / ".deps/python/bin"
REGION = "eu-west-1"
SERVERLESS = emrserverless.emrserverless_backends[DEFAULT_ACCOUNT_ID][REGION]
BUCKET = f"pomona-{DEFAULT_ACCOUNT_ID}-{REGION}"
work = pathlib.Path(tempfile.mkdtemp(prefix="pomona-deploy-"))
clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
clean |= {"AWS_CONFIG_FILE": str(work / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(work / "none"),
          "AWS_EC2_METADATA_DISABLED": "true", "POMONA_NETWORKS": str(work / "networks"),
          "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
server = ThreadedMotoServer(ip_address="127.0.0.1", port=20000 + os.getpid() % 20000, verbose=False)


execute_change_set = CloudFormationBackend.execute_change_set


def execute_change_set_with_outputs(self, **arguments):
    """moto makes what a change set says, and forgets the outputs of its template."""
    execute_change_set(self, **arguments)
    for stack in self.stacks.values():
        if stack.template:
            stack._parse_template()
            stack.output_map = stack._create_output_map()


CloudFormationBackend.execute_change_set = execute_change_set_with_outputs

# A stack that is there as it should be is an empty change set, for moto a wrong request.
CloudFormationResponse._validate_different_update = lambda *_: None

# moto tells EMR's region by the name of AWS's host, which this server has not.
emr_backends[DEFAULT_ACCOUNT_ID]["us-east-1"] = emr_backends[DEFAULT_ACCOUNT_ID][REGION]


class ServerlessApplication(CloudFormationModel):
    """moto has EMR Serverless, and CloudFormation, but not the one in the other."""

    __module__ = "moto.emrserverless"  # moto counts its models by service

    @staticmethod
    def cloudformation_name_type():
        return ""

    @staticmethod
    def cloudformation_type():
        return "AWS::EMRServerless::Application"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **_):
        wanted = cloudformation_json["Properties"]
        made = emrserverless.emrserverless_backends[account_id][region_name].create_application(
            name=wanted["Name"], release_label=wanted["ReleaseLabel"], application_type=wanted["Type"], client_token="",
            initial_capacity=None, maximum_capacity=wanted["MaximumCapacity"], tags={tag["Key"]: tag["Value"] for tag in wanted["Tags"]},
            auto_start_configuration=None, auto_stop_configuration=None, network_configuration=None)
        made.physical_resource_id = made.id
        return made

    @classmethod
    def delete_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name):
        emrserverless.emrserverless_backends[account_id][region_name].delete_application(resource_name)


# moto reckons another signature for EMR Serverless than the AWS CLI: who asks there is not looked at, S3 is.
EMRServerlessResponse._authenticate_and_authorize_normal_action = lambda *_, **__: None
emrserverless.JOB_STATUS = "SUBMITTED"  # where a job begins; moto's are through at once

get_job_run = EMRServerlessResponse.get_job_run


def get_job_run_if_it_answers(self):
    if machine.n_unanswered > 0:
        machine.n_unanswered -= 1
        raise JsonRESTError("ExpiredTokenException", "The security token included in the request is expired")
    return get_job_run(self)


EMRServerlessResponse.get_job_run = get_job_run_if_it_answers


def properties(stack_name, resource):
    """Of a stack's resource, as its template says with this stack's parameters; moto keeps only some of them."""
    backend = cloudformation_backends[DEFAULT_ACCOUNT_ID][REGION]
    stack = next(s for s in [*backend.stacks.values(), *backend.deleted_stacks.values()] if s.name == f"pomona-{stack_name}")
    return clean_json(stack.template_dict["Resources"][resource]["Properties"], stack.resource_map)


def client(service, key="root", secret="root", token=None):
    return boto3.client(service, endpoint_url=address, region_name=REGION, aws_access_key_id=key,
                        aws_secret_access_key=secret, aws_session_token=token)


def check_permissions(is_checking):
    request = urllib.request.Request(f"{address}/moto-api/reset-auth", data=b"0" if is_checking else b"1000000", method="POST",
                                     headers={"Content-Type": "text/plain"})
    urllib.request.urlopen(request).read()


def credentials_of(role):
    arn = client("iam").get_role(RoleName=role)["Role"]["Arn"]
    made = client("sts").assume_role(RoleArn=arn, RoleSessionName="node")["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


def variables(key, secret, token=None):
    names = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_ENDPOINT_URL": address}
    names |= {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    return clean | names | ({"AWS_SESSION_TOKEN": token} if token else {})


def wheel_around_the_build():
    """The package with the library of this build, under the name of a wheel; test_wheel.sh tests real ones."""
    path = work / "pomona-0.1.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    declarations = work / "_declarations.py"
    subprocess.run([SPARK_PYTHON / "python3", SOURCE / "bindings/python/build/declarations.py", SOURCE / "include", declarations],
                   check=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        package = SOURCE / "bindings/python/pomona"
        for file in sorted(package.rglob("*.py")):
            wheel.write(file, f"pomona/{file.relative_to(package)}")
        wheel.write(declarations, "pomona/_declarations.py")
        wheel.write(BUILD / "src/libpomona.so", "pomona/libpomona.so")
    return path


class Machine(threading.Thread):
    """What EMR does with a step or a job: waits for one, runs it as its role, and tells how it ended."""

    def __init__(self):
        super().__init__(daemon=True)
        self.said, self.taken, self.is_away, self.n_unanswered = io.StringIO(), set(), False, 0

    def run(self):
        while True:
            time.sleep(0.2)
            for cluster in list(emr_backends[DEFAULT_ACCOUNT_ID][REGION].clusters.values()):
                for step in cluster.steps:
                    if step.id not in self.taken:
                        self.taken.add(step.id)
                        step.state = "COMPLETED" if self.do(cluster.role, self.step, list(step.args)) else "FAILED"
            for job in [job for jobs in list(SERVERLESS.job_runs.values()) for job in jobs]:
                if job.id not in self.taken and not self.is_away:
                    self.taken.add(job.id)
                    role = job.execution_role_arn.rpartition("/")[2]
                    job.state = "SUCCESS" if self.do(role, self.serverless_job, job.job_driver["sparkSubmit"]) else "FAILED"

    @staticmethod
    def node(environment):
        """With what a node has: Python, and the library that the wheel's would bring."""
        return environment | {"PATH": f"{SPARK_PYTHON}:{clean['PATH']}", "LD_LIBRARY_PATH": str(SOURCE / ".deps/duckdb")}

    def do(self, role, task, arguments):
        node = self.node(variables(*credentials_of(role)))
        try:
            check_permissions(True)
            return task(node, arguments)
        except Exception as error:
            self.said.write(f"{error!r}\n")
            return False
        finally:
            check_permissions(False)

    def step(self, node, arguments):
        node |= {"POMONA_TARGET": str(work / "opt")}
        action = properties("cluster", "Cluster")["BootstrapActions"][0]["ScriptBootstrapAction"]
        return self.execute(["aws", "s3", "cp", action["Path"], str(work / "bootstrap.sh")], node) == 0 and \
            self.execute(["sh", str(work / "bootstrap.sh"), *action["Args"]], node) == 0 and \
            self.execute(self.job(arguments), node) == 0

    def serverless_job(self, node, job):
        """The archive unpacked where the job runs, and the driver's variables, as the parameters say."""
        parameters = shlex.split(job["sparkSubmitParameters"])
        settings = dict(parameter.split("=", 1) for parameter in parameters if parameter.startswith("spark."))
        archive, _, name = parameters[parameters.index("--archives") + 1].partition("#")
        assert settings["spark.executorEnv.PYTHONPATH"] == settings["spark.emr-serverless.driverEnv.PYTHONPATH"], settings
        node |= {"PYTHONPATH": settings["spark.executorEnv.PYTHONPATH"]}
        folder = work / "worker"
        (folder / name).mkdir(parents=True)
        command = [SPARK_PYTHON / "python3", "job.py"] if shutil.which("java") else [PROGRAM]
        return self.execute(["aws", "s3", "cp", archive, "archive"], node, folder) == 0 and \
            self.execute(["aws", "s3", "cp", job["entryPoint"], "job.py"], node, folder) == 0 and \
            self.execute(["tar", "-xzf", "archive", "-C", name], node, folder) == 0 and \
            self.execute([*command, *job["entryPointArguments"]], node, folder) == 0

    @staticmethod
    def job(arguments):
        assert arguments[:4] == ["spark-submit", "--deploy-mode", "client", "/opt/pomona/job.py"], arguments
        if (work / "opt/site/pomona/spark/__main__.py").exists() and shutil.which("java"):
            return [work / "opt/bin/python3", work / "opt/job.py", *arguments[4:]]
        return [PROGRAM, *arguments[4:], "--no-report"]

    def execute(self, command, environment, folder=work):
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=400)
        self.said.write(f"$ {command}\n{done.stdout}{done.stderr}")
        return done.returncode


def operator(key, poll_seconds=1):
    return variables(key["AccessKeyId"], key["SecretAccessKey"]) | {"POMONA_EMR_REQUIREMENTS": "/dev/null",
                                                                    "POMONA_POLL_SECONDS": str(poll_seconds)}


def deploy(key, *arguments, expect=0, poll_seconds=1):
    done = subprocess.run([DEPLOY / "run", "--region", REGION, *arguments], env=operator(key, poll_seconds), cwd=work, capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == expect, f"{done.returncode}: {done.stdout}{done.stderr}\n{machine.said.getvalue()}"
    return done


def the_whole_way(key, wheel):
    """Create, upload, submit, follow, fetch, take down; the result is that of the program on this machine."""
    done = deploy(key, "--photos", work / "photos", "--output", "first", "--wheel", wheel, "--", "-k", "3")
    assert "job: COMPLETED" in done.stderr and "taking down pomona-cluster" in done.stderr, done.stderr
    local = subprocess.run([PROGRAM, "run", work / "photos", work / "local", "-k", "3", "--network", "orchard", "--no-report"],
                           capture_output=True, text=True, env=clean)
    assert local.returncode == 0, local.stderr
    counts = [json.loads((folder / "run.json").read_text())["counts"] for folder in (work / "first", work / "local")]
    assert counts[0]["listed"] == counts[1]["listed"] > 10 and counts[0]["written"] == counts[1]["written"], counts
    assert (work / "first/pca.safetensors").exists()
    asked = subprocess.run([work / "opt/bin/python3", "-c", "import pomona; print(pomona.network_file('mobilenetv2'))"],
                           env=machine.node(clean), capture_output=True, text=True)
    assert asked.stdout.strip() == str(work / "opt/networks/mobilenetv2.pomona"), asked
    keys = [entry["Key"] for entry in client("s3").list_objects_v2(Bucket=BUCKET, Prefix="output/first/")["Contents"]]
    assert "output/first/pca/_SUCCESS" in keys and "output/first/_lock" not in keys, keys


def the_serverless_way(key, wheel):
    """The same on EMR Serverless, from photos that are in the bucket, while some questions for the job's state go unanswered; and
    interrupted, where the job must not go on costing."""
    def nothing_is_left():
        states = {application.state for application in SERVERLESS.applications.values()}
        stacks = [stack["StackName"] for stack in client("cloudformation").describe_stacks()["Stacks"]]
        assert states == {"TERMINATED"} and "pomona-serverless" not in stacks, (states, stacks)

    machine.n_unanswered = 2
    done = deploy(key, "--on", "serverless", "--output", "second", "--wheel", wheel, "--", "-k", "3")
    assert "job: SUCCESS" in done.stderr and "2 of 9" in done.stderr and "3 of 9" not in done.stderr, done.stderr
    first, second = (json.loads((work / name / "run.json").read_text())["counts"] for name in ("first", "second"))
    assert first == second and (work / "second/pca.safetensors").read_bytes() == (work / "first/pca.safetensors").read_bytes()
    nothing_is_left()

    machine.is_away = True
    process = subprocess.Popen([DEPLOY / "run", "--region", REGION, "--on", "serverless", "--wheel", wheel], env=operator(key),
                               cwd=work, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "job: SUBMITTED" in line:
            process.send_signal(signal.SIGTERM)
            break
    said = process.stderr.read()
    assert process.wait(timeout=60) == 130, said
    job = next(job for jobs in SERVERLESS.job_runs.values() for job in jobs if job.id not in machine.taken)
    assert job.state == "CANCELLED" and job.tags == {"project": "pomona"}, (job.state, job.tags, said)
    nothing_is_left()

    machine.n_unanswered = 1000
    done = deploy(key, "--on", "serverless", "--wheel", wheel, expect=3, poll_seconds=0)
    job = next(job for jobs in SERVERLESS.job_runs.values() for job in jobs if job.state == "SUBMITTED")
    assert f"--job-run-id {job.id}" in done.stderr and "9 of 9" in done.stderr and "taking down" not in done.stderr, done.stderr
    deploy(key, "--down")
    nothing_is_left()


def what_was_made_is_closed():
    """The bucket, the network and the cluster as the server has them, after the cluster is gone."""
    s3, ec2, emr, formation = client("s3"), client("ec2"), client("emr"), client("cloudformation")
    bucket = properties("storage", "Bucket")
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert all(value in (True, "true") for value in bucket["PublicAccessBlockConfiguration"].values()), bucket
    rules = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    rules = rules if isinstance(rules, list) else [rules]
    assert "AES256" in json.dumps(rules), rules
    assert any("AbortIncompleteMultipartUpload" in rule for rule in bucket["LifecycleConfiguration"]["Rules"])
    ours = [{"Name": "tag:project", "Values": ["pomona"]}]
    for group in ec2.describe_security_groups(Filters=ours)["SecurityGroups"]:
        # moto writes EMR's own rules, as EMR does: from group to group.
        assert not any(rule["IpRanges"] or rule.get("Ipv6Ranges") or rule.get("PrefixListIds") for rule in group["IpPermissions"]), group
    assert properties("network", "Subnet")["MapPublicIpOnLaunch"] in (False, "false")
    network = ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.42.0.0/16"]}])["Vpcs"][0]["VpcId"]
    attached = [{"Name": "attachment.vpc-id", "Values": [network]}]
    assert ec2.describe_internet_gateways(Filters=attached)["InternetGateways"] == []
    cluster = emr.describe_cluster(ClusterId=emr.list_clusters()["Clusters"][0]["Id"])["Cluster"]
    assert cluster["Status"]["State"] == "TERMINATED" and cluster["ReleaseLabel"].startswith("emr-7."), cluster
    assert cluster["LogUri"] == f"s3://{BUCKET}/logs/" and "Ec2KeyName" not in cluster["Ec2InstanceAttributes"]
    wanted = properties("cluster", "Cluster")
    assert wanted["Instances"]["CoreInstanceGroup"]["InstanceCount"] in (2, "2") and "Ec2KeyName" not in wanted["Instances"]
    assert {"Key": "for-use-with-amazon-emr-managed-policies", "Value": "true"} in wanted["Tags"]
    assert int(wanted["AutoTerminationPolicy"]["IdleTimeout"]) == 900
    metadata = properties("cluster", "Security")["SecurityConfiguration"]["InstanceMetadataServiceConfiguration"]
    assert metadata["MinimumInstanceMetadataServiceVersion"] == 2 and metadata["HttpPutResponseHopLimit"] == 1
    stacks = {stack["StackName"]: stack["StackStatus"] for stack in formation.describe_stacks()["Stacks"]}
    assert "pomona-cluster" not in stacks and stacks["pomona-storage"] == "CREATE_COMPLETE", stacks


def the_policy_is_tight(role):
    """With the node role's credentials everything that the job does not do is refused."""
    runner = client("s3", *credentials_of(role))
    part = next(entry["Key"] for entry in client("s3").list_objects_v2(Bucket=BUCKET, Prefix="photos/")["Contents"])
    check_permissions(True)
    for name, refused in {
        "read another prefix": lambda: runner.get_object(Bucket=BUCKET, Key="private/secret.jpg"),
        "read another bucket": lambda: runner.get_object(Bucket="another", Key="photos/secret.jpg"),
        "list another bucket": lambda: runner.list_objects_v2(Bucket="another"),
        "list all buckets": lambda: runner.list_buckets(),
        "write a photo": lambda: runner.put_object(Bucket=BUCKET, Key="photos/new.jpg", Body=b"x"),
        "delete a photo": lambda: runner.delete_object(Bucket=BUCKET, Key=part),
        "write code": lambda: runner.put_object(Bucket=BUCKET, Key="code/0/job.py", Body=b"x"),
        "delete the bucket": lambda: runner.delete_bucket(Bucket=BUCKET),
        "read logs": lambda: runner.get_object(Bucket=BUCKET, Key="logs/x"),
    }.items():
        try:
            refused()
        except runner.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied", (name, error)
        else:
            raise AssertionError(f"the node role may {name}")
    check_permissions(False)


def job_policy(role):
    attached = client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"][0]["PolicyArn"]
    version = client("iam").get_policy(PolicyArn=attached)["Policy"]["DefaultVersionId"]
    return attached, client("iam").get_policy_version(PolicyArn=attached, VersionId=version)["PolicyVersion"]["Document"]


def its_conditions_hold(role):
    """MinIO looks at the prefixes of listings: the whole run gets through, other listings do not."""
    minio = shutil.which("minio", path=f"{SOURCE}/.deps/go/bin:{os.environ['PATH']}")
    if minio is None:
        print("without MinIO (tools/setup.sh --minio): conditions on prefixes are not checked")
        return
    port = server._port + 1
    there = f"http://127.0.0.1:{port}"
    (work / "data").mkdir()
    process = subprocess.Popen(
        ["timeout", "300", minio, "server", "--quiet", "--address", f"127.0.0.1:{port}", "--certs-dir", work, work / "data"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=clean | {"MINIO_ROOT_USER": "root-user", "MINIO_ROOT_PASSWORD": "root-secret", "MINIO_SITE_REGION": REGION,
                     "MINIO_BROWSER": "off", "MINIO_UPDATE": "off"})

    def there_client(service, key="root-user", secret="root-secret", token=None):
        return boto3.client(service, endpoint_url=there, region_name=REGION, aws_access_key_id=key, aws_secret_access_key=secret,
                            aws_session_token=token)

    try:
        for _ in range(200):
            try:
                there_client("s3").list_buckets()
                break
            except Exception:
                time.sleep(0.1)
        root = there_client("s3")
        root.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        for photo in sorted((work / "photos").rglob("*.*")):
            root.upload_file(str(photo), BUCKET, str(photo.relative_to(work)))
        given = there_client("sts").assume_role(RoleArn=f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/{role}", RoleSessionName="node",
                                                Policy=json.dumps(job_policy(role)[1]), DurationSeconds=900)["Credentials"]
        key = given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
        for more in ([], ["--resume"]):
            done = subprocess.run([PROGRAM, "run", f"s3://{BUCKET}/photos/", f"s3://{BUCKET}/output/x", "-k", "3", "--quiet", *more],
                                  env=variables(*key) | {"AWS_ENDPOINT_URL": there}, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        node = there_client("s3", *key)
        for prefix in ("photos/", "output/"):
            node.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        for prefix in ("", "p", "photos", "private/", "code/", "logs/", "jupyter/"):
            try:
                node.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
            except node.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] == "AccessDenied", error
            else:
                raise AssertionError(f"the node role may list {prefix!r}")
    finally:
        process.terminate()
        process.wait()


def each_action_is_needed(role):
    """Less one action, `pomona run` does not get through, or leaves its lock behind."""
    iam, s3 = client("iam"), client("s3")
    attached, policy = job_policy(role)
    iam.detach_role_policy(RoleName=role, PolicyArn=attached)
    key = credentials_of(role)

    def run(document):
        for entry in s3.list_objects_v2(Bucket=BUCKET, Prefix="output/").get("Contents", []):
            s3.delete_object(Bucket=BUCKET, Key=entry["Key"])
        iam.put_role_policy(RoleName=role, PolicyName="tried", PolicyDocument=json.dumps(document))
        check_permissions(True)
        done = subprocess.run([PROGRAM, "run", f"s3://{BUCKET}/photos", f"s3://{BUCKET}/output/tried", "-k", "3", "--no-report",
                               "--quiet"], env=variables(*key), capture_output=True, text=True)
        check_permissions(False)
        left = [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET, Prefix="output/").get("Contents", [])]
        return done.returncode == 0 and "output/tried/_lock" not in left, done.stderr

    assert run(policy)[0], run(policy)[1]
    needed = 0
    for statement in policy["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        for action in actions:
            # Code and logs are EMR's; open uploads are there only after a run that was killed, and ended on --resume.
            if statement["Sid"] in ("ReadCode", "WriteLogs", "ListOpenUploads") or action == "s3:AbortMultipartUpload":
                continue
            less = json.loads(json.dumps(policy))
            for other in less["Statement"]:
                if other["Sid"] == statement["Sid"]:
                    other["Action"] = [a for a in actions if a != action] or ["s3:GetBucketLocation"]
            # moto takes both listings for one, since it looks at no prefix.
            if action == "s3:ListBucket":
                less["Statement"] = [s for s in less["Statement"] if not s["Sid"].startswith("List")]
            assert not run(less)[0], f"{action} of {statement['Sid']} is superfluous"
            needed += 1
    assert needed >= 6, needed
    iam.delete_role_policy(RoleName=role, PolicyName="tried")
    iam.attach_role_policy(RoleName=role, PolicyArn=attached)


def policies_are_clean():
    """The policy linter on every policy that the templates make."""
    iam, documents = client("iam"), {}
    documents["the bucket's"] = properties("storage", "BucketPolicy")["PolicyDocument"]
    documents["the gateway's"] = properties("network", "S3")["PolicyDocument"]
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        documents[policy["PolicyName"]] = version["PolicyVersion"]["Document"]
    for role in ("NodeRole", "ServiceRole", "ServerlessRole"):
        for policy in properties("storage", role).get("Policies", []):
            documents[f"{role}/{policy['PolicyName']}"] = policy["PolicyDocument"]
    assert len(documents) >= 5, list(documents)
    findings = []
    for name, document in documents.items():
        document["Statement"] = [statement for statement in document["Statement"] if statement is not None]  # AWS::NoValue
        analyzed = parliament.analyze_policy_string(json.dumps(document))
        # parliament takes whole numbers alone, and knows this condition for all but two of S3's actions.
        findings += sorted({f"{name}: {finding.issue} {finding.detail}" for finding in analyzed.findings
                            if "s3:TlsVersion" not in str(finding.detail)})
    assert not findings, "\n".join(findings)


def templates_are_clean():
    done = subprocess.run(["cfn-lint", *sorted((DEPLOY / "templates").glob("*.yaml"))], env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def the_costs_of_the_manual_are_the_script_s():
    table = subprocess.run([DEPLOY / "estimate", "--table"], capture_output=True, text=True, check=True).stdout
    assert table in (SOURCE / "docs/cluster.md").read_text(), "docs/cluster.md has another table than deploy/emr/estimate --table"


def a_changed_archive_is_not_installed():
    (work / "changed").mkdir()
    (work / "changed/pomona.tar.gz").write_bytes(b"something else")
    client("s3").upload_file(str(work / "changed/pomona.tar.gz"), BUCKET, "code/changed/pomona.tar.gz")
    done = subprocess.run(["sh", DEPLOY / "bootstrap.sh", f"s3://{BUCKET}/code/changed", "0" * 64], capture_output=True, text=True,
                          env=variables("root", "root") | {"POMONA_TARGET": str(work / "not")})
    assert done.returncode == 1 and "nothing is installed" in done.stderr and not (work / "not").exists(), done


def what_is_outside_of_the_union_is_refused(key):
    environment = variables(key["AccessKeyId"], key["SecretAccessKey"])
    for region in ("us-east-1", "eu-west-2", "eu-central-2"):
        done = subprocess.run([DEPLOY / "run", "--region", region, "--dry-run"], env=environment, capture_output=True, text=True)
        assert done.returncode == 2 and "not in the European Union" in done.stderr, done
    template = (DEPLOY / "templates/storage.yaml").read_text()
    elsewhere = boto3.client("cloudformation", endpoint_url=address, region_name="us-east-1", aws_access_key_id="root",
                             aws_secret_access_key="root")
    try:
        elsewhere.create_stack(StackName="abroad", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    except Exception:
        return
    raise AssertionError("the storage template can be used outside of the Union")


def mistakes_are_told_and_networks_have_names():
    def dry_run(*arguments):
        done = subprocess.run([DEPLOY / "run", "--region", REGION, "--dry-run", *arguments], env=clean, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    for arguments, told in ((["--core-nodes", "two"], "--core-nodes two: use a number"), (["--core-nodes", "0"], "at least one"),
                            (["--budget", "ten", "--email", "x@example.com"], "--budget ten"), (["--nodes"], "no such option"),
                            (["--nodes", "2"], "--nodes"), (["--network", "lemon"], "lemon.pomona is not there"),
                            (["--estimate", "--n-photos", "many"], "--n-photos many")):
        code, said = dry_run(*arguments)
        assert code == 2 and told in said, (arguments, code, said)
    (work / "networks").mkdir(exist_ok=True)
    (work / "networks/lemon.pomona").touch()
    code, said = dry_run("--network", "lemon")
    assert code == 0 and '"--network","/opt/pomona/networks/lemon.pomona"' in said, said
    code, said = dry_run("--network", "orchard")
    assert code == 0 and '"--network"' not in said, said


if __name__ == "__main__":
    try:
        server.start()
        address = f"http://127.0.0.1:{server._port}"
        machine = Machine()
        machine.start()
        subprocess.run([BUILD / "tools/demo_photos/demo_photos", work / "photos", "--per-kind", "1"], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.rmtree(work / "photos/damaged", ignore_errors=True)
        client("s3").create_bucket(Bucket="another", CreateBucketConfiguration={"LocationConstraint": REGION})
        client("iam").create_user(UserName="administrator")
        client("iam").put_user_policy(UserName="administrator", PolicyName="all", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))
        key = client("iam").create_access_key(UserName="administrator")["AccessKey"]
        node_role = f"pomona-node-{REGION}"
        wheel = wheel_around_the_build()
        for test, arguments in ((the_whole_way, (key, wheel)), (what_was_made_is_closed, ()), (the_serverless_way, (key, wheel)),
                                (templates_are_clean, ()), (policies_are_clean, ()), (the_costs_of_the_manual_are_the_script_s, ()),
                                (a_changed_archive_is_not_installed, ()), (mistakes_are_told_and_networks_have_names, ()),
                                (what_is_outside_of_the_union_is_refused, (key,)), (the_policy_is_tight, (node_role,)), (its_conditions_hold, (node_role,)),
                                (each_action_is_needed, (node_role,))):
            since = time.monotonic()
            test(*arguments)
            print(f"ok: {test.__name__.replace('_', ' ')} ({time.monotonic() - since:.0f} s)", flush=True)
    finally:
        server.stop()
        shutil.rmtree(work, ignore_errors=True)
