// SPDX-License-Identifier: Apache-2.0
/*
 * The store on a local disk. What is published was flushed first, so that a name never points at half a file,
 * not even after a power cut: write, fsync, rename, fsync the folder.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "store/machine.h"
#include "store/place.h"

static enum pom_status fail_errno(struct pom_error *err, const char *what, const char *path)
{
    int code = errno;
    if (code == ENOENT || code == ENOTDIR)
        return pomi_fail(err, POM_ERROR_NOT_FOUND, "not_found", "cannot %s %s: no such file or folder", what,
                         path);
    if (code == EACCES || code == EPERM)
        return pomi_fail(err, POM_ERROR_IO, "unreadable", "cannot %s %s: permission denied", what, path);
    if (code == ENOSPC || code == EDQUOT)
        return pomi_fail(err, POM_ERROR_IO, "disk_full",
                         "cannot %s %s: no space left on the device; free some and run again with --resume",
                         what, path);
    return pomi_fail(err, POM_ERROR_IO, "io", "cannot %s %s: %s", what, path, strerror(code));
}

/* The folder part of `path`, "." when it has none; the caller frees it. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static enum pom_status local_is_file(struct pomi_store *store, const char *path, bool *is_file,
                                     struct pom_error *err)
{
    (void)store;
    (void)err;
    struct stat facts;
    *is_file = stat(path, &facts) == 0 && !S_ISDIR(facts.st_mode);
    return POM_OK;
}

static bool is_folder_here(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static enum pom_status local_is_folder(struct pomi_store *store, const char *path, bool *is_folder,
                                       struct pom_error *err)
{
    (void)store;
    (void)err;
    *is_folder = is_folder_here(path);
    return POM_OK;
}

static enum pom_status read_all(int file, const char *path, size_t max_bytes, struct pomi_bytes *bytes,
                                struct pom_error *err)
{
    struct stat facts;
    if (fstat(file, &facts) != 0) return fail_errno(err, "read", path);
    if (!S_ISREG(facts.st_mode))
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "not_a_file", "cannot read %s: it is not a regular file",
                         path);
    if (facts.st_size < 0 || (uintmax_t)facts.st_size > max_bytes)
        return pomi_fail(err, POM_ERROR_LIMIT, "file_too_large", "%s has %jd bytes; the limit is %zu", path,
                         (intmax_t)facts.st_size, max_bytes);
    size_t expected_bytes = (size_t)facts.st_size;
    POMI_TRY(pomi_bytes_reserve(bytes, expected_bytes > 0 ? expected_bytes : 1, err));
    bytes->size_bytes = 0;
    while (bytes->size_bytes < expected_bytes) {
        ssize_t got = read(file, bytes->data + bytes->size_bytes, expected_bytes - bytes->size_bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(err, "read", path);
        if (got == 0) break; /* shortened while it was read: what is there is what there is */
        bytes->size_bytes += (size_t)got;
    }
    return POM_OK;
}

static enum pom_status local_read(struct pomi_store *store, const char *path, size_t max_bytes,
                                  struct pomi_bytes *bytes, struct pom_error *err)
{
    (void)store;
    /* O_NONBLOCK: a FIFO among the photos must not hang the run; regular files do not care. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return fail_errno(err, "read", path);
    enum pom_status status = read_all(file, path, max_bytes, bytes, err);
    close(file);
    return status;
}

/* "FOLDER/.NAME.tmp-PROCESS-MACHINE": beside the result, since a rename cannot leave its file system. Machines and containers
 * that share a folder have processes of the same number. */
static enum pom_status local_create(struct pomi_store *store, const char *path, struct pomi_local_file *file,
                                    struct pom_error *err)
{
    (void)store;
    const char *slash = strrchr(path, '/');
    int folder_bytes = slash == NULL ? 0 : (int)(slash - path) + 1;
    const char *name = path + folder_bytes;
    char machine[160], hash[POMI_SHA256_TEXT_BYTES];
    pomi_machine_name(machine, sizeof machine);
    pomi_sha256_text(machine, strlen(machine), hash);
    if (asprintf(&file->path, "%.*s.%s.tmp-%ld-%.8s", folder_bytes, path, name, (long)getpid(), hash) < 0) {
        file->path = NULL; /* asprintf leaves it undefined */
        return pomi_fail_memory(err, strlen(path), "a file name");
    }
    file->is_temporary = true;
    return POM_OK;
}

/* Of what was just made: that it is gone again is not the caller's mistake, as a wrong path would be. */
static enum pom_status fail_gone(struct pom_error *err, const char *path)
{
    return pomi_fail(err, POM_ERROR_IO, "output_gone",
                     "%s was made and is gone: something else removes files there", path);
}

static enum pom_status fail_publish(struct pom_error *err, const char *what, const char *path)
{
    return errno == ENOENT ? fail_gone(err, path) : fail_errno(err, what, path);
}

static enum pom_status flush_folder_of(const char *path, struct pom_error *err)
{
    char *folder = folder_of(path);
    if (folder == NULL) return pomi_fail_memory(err, strlen(path), "a file name");
    int handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum pom_status status = POM_OK;
    if (handle < 0) {
        status = fail_publish(err, "open", folder);
    } else {
        /* Some file systems cannot flush a folder and say EINVAL: the rename itself is still atomic there. */
        if (fsync(handle) != 0 && errno != EINVAL) status = fail_errno(err, "flush", folder);
        close(handle);
    }
    free(folder);
    return status;
}

static enum pom_status local_publish(struct pomi_store *store, struct pomi_local_file *file, const char *path,
                                     struct pom_error *err)
{
    (void)store;
    int descriptor = open(file->path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return fail_publish(err, "publish", file->path);
    enum pom_status status = fsync(descriptor) == 0 ? POM_OK : fail_errno(err, "flush", file->path);
    close(descriptor);
    POMI_TRY(status);
    if (rename(file->path, path) != 0) return fail_publish(err, "write", path);
    file->is_temporary = false;
    pomi_local_file_release(file);
    return flush_folder_of(path, err);
}

static enum pom_status local_fetch(struct pomi_store *store, const char *path, size_t tail_bytes,
                                   struct pomi_local_file *file, struct pom_error *err)
{
    (void)store;
    (void)tail_bytes;
    file->path = strdup(path);
    return file->path != NULL ? POM_OK : pomi_fail_memory(err, strlen(path), "a file name");
}

enum pom_status pomi_local_file_unnamed(struct pomi_local_file *file, struct pom_error *err)
{
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] == '\0') folder = "/tmp";
    int descriptor = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor < 0 && errno != EOPNOTSUPP && errno != EISDIR)
        return fail_errno(err, "make a temporary file in", folder);
    if (descriptor < 0) { /* a file system without such files: one with a name that goes away at once */
        char *name = pomi_store_join(folder, ".pomona-XXXXXX");
        if (name == NULL) return pomi_fail_memory(err, strlen(folder), "a file name");
        descriptor = mkostemp(name, O_CLOEXEC);
        enum pom_status status =
            descriptor < 0 ? fail_errno(err, "make a temporary file in", folder) : POM_OK;
        if (descriptor >= 0) unlink(name);
        free(name);
        POMI_TRY(status);
    }
    if (asprintf(&file->path, "/proc/self/fd/%d", descriptor) < 0) {
        file->path = NULL;
        close(descriptor);
        return pomi_fail_memory(err, 0, "a file name");
    }
    file->descriptor = descriptor + 1;
    return POM_OK;
}

void pomi_local_file_release(struct pomi_local_file *file)
{
    if (file->is_temporary && file->path != NULL) unlink(file->path);
    if (file->descriptor > 0) close(file->descriptor - 1);
    free(file->path);
    *file = (struct pomi_local_file){0};
}

static enum pom_status write_all(int file, struct pomi_view content, const char *path, struct pom_error *err)
{
    for (size_t done = 0; done < content.size_bytes;) {
        ssize_t put = write(file, content.data + done, content.size_bytes - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail_errno(err, "write", path);
        done += (size_t)put;
    }
    return POM_OK;
}

static enum pom_status local_write(struct pomi_store *store, const char *path, struct pomi_view content,
                                   struct pom_error *err)
{
    struct pomi_local_file temporary = {0};
    POMI_TRY(local_create(store, path, &temporary, err));
    int file = open(temporary.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    temporary.is_temporary = file >= 0;
    enum pom_status status = file < 0 ? fail_errno(err, "write", path) : write_all(file, content, path, err);
    if (file >= 0 && close(file) != 0 && status == POM_OK) status = fail_errno(err, "write", path);
    if (status == POM_OK) status = local_publish(store, &temporary, path, err);
    pomi_local_file_release(&temporary);
    return status;
}

static bool is_link(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) == 0 && S_ISLNK(facts.st_mode);
}

/* After mkdir(path), whose parent was there or was made a moment before, unless it is a link that leads nowhere. */
static enum pom_status fail_make_folder(struct pom_error *err, const char *path)
{
    const int code = errno;
    char *parent = folder_of(path);
    const bool is_gone = code == ENOENT && parent != NULL && !is_link(parent);
    errno = code;
    enum pom_status status = is_gone ? fail_gone(err, parent) : fail_errno(err, "make the folder", path);
    free(parent);
    return status;
}

static enum pom_status local_make_folder(struct pomi_store *store, const char *path, struct pom_error *err)
{
    (void)store;
    char *partial = strdup(path);
    if (partial == NULL) return pomi_fail_memory(err, strlen(path), "a file name");
    enum pom_status status = POM_OK;
    for (char *slash = partial + 1; status == POM_OK && slash[-1] != '\0'; slash++) {
        if (*slash != '/' && *slash != '\0') continue;
        char separator = *slash;
        *slash = '\0';
        if (mkdir(partial, 0777) != 0 && errno != EEXIST) status = fail_make_folder(err, partial);
        *slash = separator;
        if (separator == '\0') break;
    }
    if (status == POM_OK && !is_folder_here(path))
        status = errno == ENOENT && !is_link(path) ? fail_gone(err, path)
                                                   : pomi_fail(err, POM_ERROR_EXISTS, "not_a_folder",
                                                               "%s is there and is not a folder", path);
    free(partial);
    return status;
}

static enum pom_status local_remove(struct pomi_store *store, const char *path, struct pom_error *err)
{
    (void)store;
    if (unlink(path) != 0 && errno != ENOENT) return fail_errno(err, "remove", path);
    return POM_OK;
}

static enum pom_status local_remove_tree(struct pomi_store *store, const char *path, struct pom_error *err)
{
    DIR *folder = opendir(path);
    if (folder == NULL) return errno == ENOENT ? POM_OK : fail_errno(err, "remove", path);
    enum pom_status status = POM_OK;
    for (struct dirent *item; status == POM_OK && (item = readdir(folder)) != NULL;) {
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0) continue;
        char *inside = pomi_store_join(path, "%s", item->d_name);
        struct stat facts;
        if (inside == NULL) {
            status = pomi_fail_memory(err, strlen(path), "a file name");
        } else if (lstat(inside, &facts) == 0 && S_ISDIR(facts.st_mode)) {
            status = local_remove_tree(store, inside, err); /* a link to a folder is only unlinked */
        } else {
            status = local_remove(store, inside, err);
        }
        free(inside);
    }
    closedir(folder);
    if (status == POM_OK && rmdir(path) != 0) status = fail_errno(err, "remove", path);
    return status;
}

struct folder_lock {
    struct pomi_store_lock lock; /* first */
    int file;
    char *folder; /* owned */
};

static enum pom_status unlock(struct pomi_store_lock *lock, struct pom_error *err)
{
    (void)err;
    struct folder_lock *held = (struct folder_lock *)lock;
    if (held->file >= 0) close(held->file);
    free(held->folder);
    free(held);
    return POM_OK;
}

/* The system keeps the lock for as long as the process lives, but the folder may be moved away under it; what is then
 * written at its old place would be half an output. */
static enum pom_status check_lock(struct pomi_store_lock *lock, struct pom_error *err)
{
    const struct folder_lock *held = (const struct folder_lock *)lock;
    struct stat locked, there;
    if (fstat(held->file, &locked) == 0 && stat(held->folder, &there) == 0 && locked.st_dev == there.st_dev &&
        locked.st_ino == there.st_ino)
        return POM_OK;
    return pomi_fail(
        err, POM_ERROR_IO, "lock_lost",
        "%s was moved or removed while it was written to: put it back and run again with --resume",
        held->folder);
}

static enum pom_status local_lock(struct pomi_store *store, struct pomi_store_lock **lock, const char *folder,
                                  struct pom_error *err)
{
    (void)store;
    struct folder_lock *made = calloc(1, sizeof *made);
    if (made == NULL) return pomi_fail_memory(err, sizeof *made, "a lock");
    made->lock.check = check_lock;
    made->lock.unlock = unlock;
    made->folder = strdup(folder);
    made->file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum pom_status status = made->file < 0 ? fail_errno(err, "lock", folder) : POM_OK;
    if (status == POM_OK && made->folder == NULL)
        status = pomi_fail_memory(err, strlen(folder) + 1, "a lock");
    if (status == POM_OK && flock(made->file, LOCK_EX | LOCK_NB) != 0)
        status =
            errno == EWOULDBLOCK
                ? pomi_fail(err, POM_ERROR_EXISTS, "locked",
                            "another pomona is writing to %s: wait for it or choose another output", folder)
                : fail_errno(err, "lock", folder);
    if (status != POM_OK) {
        unlock(&made->lock, NULL);
        return status;
    }
    *lock = &made->lock;
    return POM_OK;
}

/* --- listing --- */

/* The folders from the root of the walk down to the current one, by identity: a link back into one of them is
 * a loop. */
struct ancestor {
    const struct ancestor *parent;
    dev_t device;
    ino_t inode;
};

struct walk {
    bool (*keep)(void *user, const char *path);
    void *user;
    struct pomi_store_listing *listing;
};

static enum pom_status walk_folder(struct walk *walk, const char *path, const struct ancestor *parent,
                                   struct pom_error *err);

static enum pom_status walk_item(struct walk *walk, char **path, const struct ancestor *self,
                                 struct pom_error *err)
{
    struct stat facts;
    if (stat(*path, &facts) != 0) {
        /* A dangling link that is asked for stays in the listing and fails as a photo: it must not disappear.
         */
        if (!walk->keep(walk->user, *path)) return POM_OK;
        facts = (struct stat){.st_mode = S_IFREG};
    }
    if (S_ISDIR(facts.st_mode)) return walk_folder(walk, *path, self, err);
    if (!walk->keep(walk->user, *path)) return POM_OK;
    POMI_TRY(pomi_store_listing_add(walk->listing, *path, (int64_t)facts.st_size, err));
    *path = NULL;
    return POM_OK;
}

static enum pom_status walk_folder(struct walk *walk, const char *path, const struct ancestor *parent,
                                   struct pom_error *err)
{
    struct stat facts;
    DIR *folder = opendir(path);
    if (folder == NULL || fstat(dirfd(folder), &facts) != 0) {
        enum pom_status status = fail_errno(err, "list the folder", path);
        if (folder != NULL) closedir(folder);
        return status;
    }
    struct ancestor self = {parent, facts.st_dev, facts.st_ino};
    for (const struct ancestor *above = parent; above != NULL; above = above->parent) {
        if (above->device == self.device && above->inode == self.inode) {
            closedir(folder);
            return pomi_fail(
                err, POM_ERROR_IO, "symlink_loop",
                "%s is a symbolic link to one of its own parent folders: remove it or list another folder",
                path);
        }
    }
    enum pom_status status = POM_OK;
    for (struct dirent *item; status == POM_OK && (item = readdir(folder)) != NULL;) {
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0) continue;
        char *inside = pomi_store_join(path, "%s", item->d_name);
        status = inside == NULL ? pomi_fail_memory(err, strlen(path), "a file name")
                                : walk_item(walk, &inside, &self, err);
        free(inside);
    }
    closedir(folder);
    return status;
}

static enum pom_status local_list(struct pomi_store *store, const char *folder,
                                  bool (*keep)(void *user, const char *path), void *user,
                                  struct pomi_store_listing *listing, struct pom_error *err)
{
    (void)store;
    struct walk walk = {keep, user, listing};
    return walk_folder(&walk, folder, NULL, err);
}

static bool is_temporary(void *user, const char *path)
{
    (void)user;
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    return name[0] == '.' && strstr(name, ".tmp-") != NULL;
}

static enum pom_status local_remove_unfinished(struct pomi_store *store, const char *folder,
                                               struct pom_error *err)
{
    struct pomi_store_listing left = {0};
    enum pom_status status = local_list(store, folder, is_temporary, NULL, &left, err);
    for (size_t i = 0; status == POM_OK && i < left.n_entries; i++)
        status = local_remove(store, left.entries[i].path, err);
    pomi_store_listing_release(&left);
    return status;
}

const struct pomi_place pomi_local_place = {
    .read = local_read,
    .write = local_write,
    .create = local_create,
    .publish = local_publish,
    .fetch = local_fetch,
    .make_folder = local_make_folder,
    .remove = local_remove,
    .remove_tree = local_remove_tree,
    .remove_unfinished = local_remove_unfinished,
    .is_file = local_is_file,
    .is_folder = local_is_folder,
    .list = local_list,
    .lock = local_lock,
};
