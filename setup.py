"""Where the packages lie and what they need: the one list of dependencies.

`conf/locks/` pins the closure of this list with hashes, one file a Python version.
"""

from setuptools import find_packages, setup

CORE = [
    "pyspark==4.2.0",
    "delta-spark==4.4.0",
    "graphframes-py==0.9.3",
    "mlflow==3.17.2",
    "pandas==2.3.3",
    "numpy==2.4.6",
    "pyarrow==25.0.1",
    "pillow==13.0.0",
    "matplotlib==3.11.2",
    "rich==15.0.0",
    "crawler-user-agents==1.67.0",
    "snowballstemmer==3.1.1",
    "vaderSentiment==3.3.2",
    "rapidfuzz==3.14.6",
    "py3langid==0.4.0",
    "simplemma==2.0.0",
    "scipy==1.17.1",
    "networkit==11.3",
]
EXTRAS = {
    "test": [
        "pytest==9.2.0",
        "pytest-xdist==3.8.0",
        "chispa==0.12.0",
        "hypothesis==6.170.15",
        "duckdb==2.0.0",
        "nltk==3.10.4",
        "networkx==3.6.1",
    ],
    "lint": ["ruff==0.17.6", "mypy==2.4.1", "pandas-stubs==2.3.3.260113"],
    "notebooks": ["jupyterlab==4.6.6", "nbclient==0.11.0", "nbformat==5.11.1", "ipykernel==7.4.0"],
    "bench": ["duckdb==2.0.0", "polars==2.1.0", "psutil==7.2.2"],
}

setup(
    name="retinue",
    version="0.1.0",
    description="Customer analytics on Spark and Delta: paths, searches, attribution, influence, value.",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    package_dir={"retinue": "lib/retinue", "retinue.jobs": "jobs", "retinue.conf": "conf"},
    packages=[
        *("retinue" + suffix for suffix in ["", ".jobs", ".conf"]),
        *("retinue." + name for name in find_packages("lib/retinue")),
    ],
    package_data={
        "retinue.conf": [
            *("*.toml", "*.conf", "*.properties", "*.lock"),
            *("channels/*.toml", "mappings/*.toml", "segments/*.toml"),
        ]
    },
    entry_points={"console_scripts": ["retinue = retinue.cli:main"]},
    install_requires=CORE,
    extras_require=EXTRAS,
)
