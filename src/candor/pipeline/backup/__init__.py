"""Backups: everything of a data folder in another one, sealed, while Candor runs; and back again.

Enter: the database, the vault's objects, calls that wait in the spool, and what else lies in the data folder. Leave: a
**target**, a folder of sealed objects beside **snapshots**, each with a manifest that is written last and names every
byte by its digest. Nothing of it opens without the master key, which is never in it unless that is asked for.

::

    TARGET/candor-backup.json          whose backups these are
    TARGET/objects/ab/ID               sealed objects as the vault has them; each is copied once
    TARGET/snapshots/NAME/manifest.json
    TARGET/snapshots/NAME/objects.txt  digest and path of every object, as `sha256sum -c` reads it
    TARGET/snapshots/NAME/files/NUMBER database, engine's database, spool, settings …: sealed under the snapshot's key
    TARGET/damaged/                    what did not verify, set aside
"""
