"""What pyproject.toml cannot say: a wheel carries inside the package what a checkout has beside it (home.py)."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CARRIED = ("sources", "models", "warehouse/schema.sql", "dagster.yaml", "deploy/dagster", "workspace.yaml",
           "requirements.lock")  # fmt: skip
NOT_CARRIED = (Path("sources", "inbox"), Path("sources", "acts"), Path("sources", "mail"))  # what was sent


class BuildWithProject(build_py):
    """Copies what is carried to pipelines/project/, laid out as in a checkout. An editable install needs no copy."""

    def run(self) -> None:
        super().run()
        for copy, original in self._carried().items():
            self.mkpath(str(Path(copy).parent))
            self.copy_file(original, copy, preserve_mode=False)

    def _carried(self) -> dict[str, str]:
        if self.editable_mode:
            return {}
        project = Path(self.build_lib, "pipelines", "project")
        named = [path for name in CARRIED for path in (Path(name), *sorted(Path(name).rglob("*")))]
        return {str(project / path): str(path) for path in named
                if path.is_file() and not any(map(path.is_relative_to, NOT_CARRIED))}  # fmt: skip

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [*super().get_outputs(include_bytecode), *self._carried()]


setup(cmdclass={"build_py": BuildWithProject})
