# Sourced by boot.sh and setup.sh: Node.js is there, and new enough. Says in one line what to do where it isn't.
new="install Node.js 20.11 or later (https://nodejs.org/en/download); then run again"
command -v node >/dev/null 2>&1 || { echo "sampan: node is not installed; $new" >&2; exit 3; }
version=$(node --version)
case $version in
v[0-9].* | v1[0-9].* | v20.[0-9].* | v20.10.*) echo "sampan: $(command -v node) is Node.js ${version#v}, which is too old; $new" >&2; exit 3 ;;
esac
