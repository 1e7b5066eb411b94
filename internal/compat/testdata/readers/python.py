"""Prints what a reader for Python makes of files: a list of {values} or {error}.

Arguments: the reader, for each file the file and a directory where it is called .env.
Of pydantic, which wants to know the names, they are the files' lines up to =.
"""

import json
import os
import pathlib
import sys


def text(file):
    return pathlib.Path(file).read_bytes().decode()


def dotenv_values(file, _):
    import dotenv
    return dotenv.dotenv_values(file)


def load_dotenv(file, _):
    import dotenv
    before = set(os.environ)
    dotenv.load_dotenv(file)
    return {name: os.environ.pop(name) for name in list(os.environ) if name not in before}


def decouple(file, _):
    from decouple import RepositoryEnv, RepositorySecret
    return (RepositorySecret if os.path.isdir(file) else RepositoryEnv)(file).data


def django_environ(file, _):
    import environ
    before = set(os.environ)
    environ.Env.read_env(file)
    return {name: os.environ.pop(name) for name in list(os.environ) if name not in before}


def pydantic(names, **where):
    from pydantic import BaseSettings, create_model
    model = create_model("Settings", __base__=BaseSettings, **{name: (str, ...) for name in names})
    return model(**where).dict()


def env_file(file, _):
    import dotenv
    return pydantic(dotenv.dotenv_values(file), _env_file=file)


def secrets_dir(directory, _):
    return pydantic(os.listdir(directory), _secrets_dir=directory)


def tomllib(file, _):
    import tomllib
    return tomllib.loads(text(file))


def tomli(file, _):
    import tomli
    return tomli.loads(text(file))


def pyyaml(file, _):
    import yaml
    return yaml.safe_load(text(file))


def json_loads(file, _):
    return json.loads(text(file))


def read_bytes(directory, _):
    return {p.name: text(p) for p in pathlib.Path(directory).iterdir()}


def read_text(directory, _):
    return {p.name: p.read_text(encoding="utf-8") for p in pathlib.Path(directory).iterdir()}


os.environ["X"] = "wrong"  # what ${X} would be
sys.stdout.reconfigure(encoding="utf-8")
read = globals()[sys.argv[1]]
everything = []
for file, directory in zip(sys.argv[2::2], sys.argv[3::2]):
    try:
        everything.append({"values": read(file, directory)})
    except Exception as e:
        everything.append({"error": f"{type(e).__name__}: {e}"})
print("\n" + json.dumps(everything))
