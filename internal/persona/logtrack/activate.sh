# Puts the bin directory of this checkout in front of the PATH until `deactivate`. There is nothing else to activate.
if [ -n "${BASH_SOURCE:-}" ]; then
	_tocsin_here=$BASH_SOURCE
elif [ -n "${ZSH_VERSION:-}" ]; then
	_tocsin_here=${(%):-%x}
else
	_tocsin_here=./venv/bin/activate
fi
_tocsin_path=$PATH
PATH=$(cd "$(dirname "$_tocsin_here")/../.." && pwd)/bin:$PATH
unset _tocsin_here
deactivate() {
	PATH=$_tocsin_path
	unset _tocsin_path
	unset -f deactivate
}
