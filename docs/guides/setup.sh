# For the guides: the addresses of the services, and the keys of two tenants as headers. Source it: . docs/guides/setup.sh
address() { ./capledger status | awk -v part="$1" '$1 == part {print $3}'; }
export CONTRACTS="$(address contracts)" CAPACITY="$(address capacity)" SETTLEMENT="$(address settlement)"
export ORION="Authorization: Bearer $(cat .stack/secrets/keys/orion)"
export VEGA="Authorization: Bearer $(cat .stack/secrets/keys/vega)"
